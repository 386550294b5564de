"""A write that is sent again because its answer got lost does not stand in its own way."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from sovereign.kernel import aws
from sovereign.kernel.table import Attr, ConditionFailed, Delete, Item, Put, Ref, Table, Update, absent, present

REF = Ref("P", "S")
OLD: Item = {**REF._asdict(), "version": 1, "name": "old"}
TAKEN = Update(REF, set={"holder": "me"}, remove=["since"], condition=Attr("holder").not_exists())
RENAMED = Update(REF, set={"name": "new"}, add={"version": 1}, condition=Attr("version").eq(1))


@contextmanager
def lost_answer() -> Iterator[None]:
    """The next request is carried out, and its answer never comes."""
    events, lost = aws.client("dynamodb").meta.events, False

    def lose(**_: Any) -> None:
        nonlocal lost
        if not lost:
            lost = True
            raise ReadTimeoutError(endpoint_url="http://dynamodb.test")

    events.register_last("before-send", lose)  # after moto, which carries the request out
    try:
        yield
    finally:
        events.unregister("before-send", lose)
    assert lost


def test_new_item_is_made_although_the_answer_got_lost(table: Table) -> None:
    made = OLD | {"body": b"\x00", "share": 0.5, "names": ("a", "b"), "note": None}
    with lost_answer():
        table.put(Put(made, absent))
    assert table.get(REF) == made | {"names": ["a", "b"]}


@pytest.mark.parametrize(
    ("write", "change"),
    [(TAKEN, {"holder": "me"}), (RENAMED, {"name": "new", "version": 2})],
    ids=["taken", "renamed"],
)
def test_change_is_made_once_and_returned_although_the_answer_got_lost(
    table: Table, write: Update, change: Item
) -> None:
    table.put(Put(OLD))
    with lost_answer():
        assert table.update(write) == OLD | change
    assert table.get(REF) == OLD | change


def test_item_is_removed_although_the_answer_got_lost(table: Table) -> None:
    table.put(Put(OLD))
    with lost_answer():
        table.delete(Delete(REF, present))
    assert table.get(REF) is None


def test_item_of_another_stands_in_the_way_of_a_new_one_sent_again(table: Table) -> None:
    table.put(Put(OLD))
    with lost_answer(), pytest.raises(ConditionFailed) as failed:
        table.put(Put(OLD | {"name": "mine"}, absent))
    assert failed.value.old == OLD


def test_equal_item_stands_in_the_way_of_one_sent_once(table: Table) -> None:
    table.put(Put(OLD))
    with pytest.raises(ConditionFailed):
        table.put(Put(OLD, absent))


@pytest.mark.parametrize(
    "theirs",
    [{"version": 2, "name": "theirs"}, {"version": 2}],
    ids=["with another name", "with the name it had"],
)
def test_change_of_another_stands_in_the_way_of_one_sent_again(table: Table, theirs: Item) -> None:
    table.put(Put(OLD | theirs))
    with lost_answer(), pytest.raises(ConditionFailed) as failed:
        table.update(RENAMED)
    assert failed.value.old == OLD | theirs


def test_condition_that_the_change_does_not_touch_was_broken_by_another(table: Table) -> None:
    """The item looks as the update leaves it, but what it counts was not counted for it."""
    table.put(Put(OLD | {"status": "closed", "ahead": True}))
    claim = Update(REF, set={"ahead": True}, add={"last": 5}, condition=Attr("status").eq("open"))
    with lost_answer(), pytest.raises(ConditionFailed):
        table.update(claim)
