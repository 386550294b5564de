"""Every kind of value comes back over the real client, in every answer that carries items."""

from typing import Any

import pytest

from sovereign.kernel.attribute_values import from_attributes, to_attributes
from sovereign.kernel.table import Attr, ConditionFailed, Delete, Put, Ref, Table, Update

REF = Ref("ORG#1", "THING#1")
ITEM: dict[str, Any] = {
    "pk": REF.pk,
    "sk": REF.sk,
    "text": "día",
    "empty": "",
    "whole": 12,
    "part": 0.25,
    "large": 10**30,
    "yes": True,
    "nothing": None,
    "binary": b"\x00\xff",
    "list": [1, "two", b"3", None, {"four": [4.5, b"5"]}],
    "map": {"binary": b"\x80", "inner": {"numbers": {1, 2}}},
    "texts": {"a", "b"},
    "blobs": {b"a", b"\xff"},
}


@pytest.fixture
def stored(table: Table) -> Table:
    table.put(Put(ITEM))
    return table


def test_reads_give_what_was_stored(stored: Table) -> None:
    assert stored.get(REF) == ITEM
    assert stored.get_many([REF]) == {REF: ITEM}
    assert stored.page(REF.pk).items == [ITEM]
    assert [type(stored.page(REF.pk).items[0][name]) for name in ("whole", "part")] == [int, float]


def test_a_change_gives_the_whole_item(stored: Table) -> None:
    assert stored.update(Update(REF, set={"text": "new"})) == {**ITEM, "text": "new"}


def test_a_failed_condition_gives_the_item_in_the_way(stored: Table) -> None:
    refused = Update(REF, set={"text": "new"}, condition=Attr("whole").eq(13))
    with pytest.raises(ConditionFailed) as alone:
        stored.update(refused)
    assert alone.value.old == ITEM
    with pytest.raises(ConditionFailed) as together:
        stored.transact([Delete(Ref(REF.pk, "OTHER")), refused])
    assert (together.value.index, together.value.old) == (1, ITEM)


def test_a_page_goes_on_where_the_last_ended(stored: Table) -> None:
    stored.put(Put({**ITEM, "sk": "THING#2"}))
    first = stored.page(REF.pk, limit=1)
    rest = stored.page(REF.pk, start=first.next)
    assert [item["sk"] for item in (*first.items, *rest.items)] == ["THING#1", "THING#2"]


def test_binary_is_read_in_base64_and_as_it_is() -> None:
    assert from_attributes({"b": {"B": "AP8="}, "s": {"BS": ["AP8="]}}) == {"b": b"\x00\xff", "s": {b"\x00\xff"}}
    assert from_attributes(to_attributes({"b": b"\x00\xff"})) == {"b": b"\x00\xff"}
