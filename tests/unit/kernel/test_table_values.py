import string
from decimal import Decimal

import pytest
from boto3.dynamodb import conditions as boto
from boto3.dynamodb.types import TypeDeserializer
from hypothesis import given
from hypothesis import strategies as st

from sovereign.kernel.attribute_values import from_attributes, to_attributes
from sovereign.kernel.conditions import Attr, Placeholders

NUMBERS = st.integers(-(10**37), 10**37) | st.floats(-1e15, 1e15, allow_subnormal=False).filter(
    lambda number: number == 0 or abs(number) > 1e-100
)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text() | st.binary()
SETS = (
    st.sets(st.text(), min_size=1)
    | st.sets(st.integers(-(10**9), 10**9), min_size=1)
    | st.sets(st.binary(), min_size=1)
)
VALUES = st.recursive(SCALARS | SETS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)


@given(st.dictionaries(st.text(string.ascii_letters, min_size=1), VALUES))
def test_item_comes_back_as_it_was_stored(item: dict[str, object]) -> None:
    stored = to_attributes(item)
    # boto3's own reader takes what we write
    for attribute in stored.values():
        TypeDeserializer().deserialize(attribute)
    assert from_attributes(stored) == item


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        10**38 + 1,
        1e200,
        1e-200,
        set(),
        {1, "one"},
        {True, 1.5},
        object(),
        [object()],
        Decimal("sNaN"),
    ],
)
def test_value_the_table_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        to_attributes({"value": value})


def test_numbers_are_read_as_int_or_float() -> None:
    item = from_attributes({"a": {"N": "1E+2"}, "b": {"N": "-7"}, "c": {"N": "0.25"}})
    assert item == {"a": 100, "b": -7, "c": 0.25}
    assert [type(value) for value in item.values()] == [int, int, float]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Attr("a").eq(1), boto.Attr("a").eq(1)),
        (Attr("a").ne(1), boto.Attr("a").ne(1)),
        (Attr("a").lt(1), boto.Attr("a").lt(1)),
        (Attr("a").lte(1), boto.Attr("a").lte(1)),
        (Attr("a").gt(1), boto.Attr("a").gt(1)),
        (Attr("a").gte(1), boto.Attr("a").gte(1)),
        (Attr("a").between(1, 2), boto.Attr("a").between(1, 2)),
        (Attr("a").begins_with("x"), boto.Attr("a").begins_with("x")),
        (Attr("a").exists(), boto.Attr("a").exists()),
        (Attr("a").not_exists(), boto.Attr("a").not_exists()),
        (Attr("a").attribute_type("NULL"), boto.Attr("a").attribute_type("NULL")),
        (
            Attr("a").exists() & (Attr("a").eq(1) | Attr("b").lt(2)),
            boto.Attr("a").exists() & (boto.Attr("a").eq(1) | boto.Attr("b").lt(2)),
        ),
    ],
)
def test_condition_says_what_the_sdks_own_builder_says(ours: object, theirs: boto.ConditionBase) -> None:
    placeholders = Placeholders()
    said = _plain(ours.render(placeholders), placeholders.names, placeholders.values)  # type: ignore[attr-defined]
    built = boto.ConditionExpressionBuilder().build_expression(theirs)
    names, values = built.attribute_name_placeholders, built.attribute_value_placeholders
    assert said == _plain(built.condition_expression, names, values)


def _plain(expression: str, names: dict[str, str], values: dict[str, object]) -> str:
    for placeholder, meant in [*names.items(), *values.items()]:
        expression = expression.replace(placeholder, f"<{meant}>")
    return expression
