import string
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign.kernel.attribute_values import from_attributes, to_attributes
from sovereign.kernel.conditions import Attr
from sovereign.kernel.writes import Ref, Update, request_of

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


def test_request_with_changes_and_a_condition_keeps_their_placeholders_apart() -> None:
    write = Update(Ref("p", "s"), set={"a": 1}, remove=["b"], condition=Attr("a").eq(0) & Attr("c").exists())
    request = request_of(write, "table")
    names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
    assert _meant(request["UpdateExpression"], names, values) == "SET <a> = <{'N': '1'}> REMOVE <b>"
    assert _meant(request["ConditionExpression"], names, values) == "(<a> = <{'N': '0'}> AND attribute_exists(<c>))"


def _meant(expression: str, names: dict[str, str], values: dict[str, object]) -> str:
    for placeholder, meant in [*names.items(), *values.items()]:
        expression = expression.replace(placeholder, f"<{meant}>")
    return expression
