"""A write that is sent again because its answer got lost does not stand in its own way."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from moto.dynamodb.models import DynamoDBBackend

from sovereign.do_not_call import DoNotCallStore, Listing
from sovereign.kernel import aws
from sovereign.kernel.errors import NotFoundError
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


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto knows no `ClientRequestToken`: here what was applied once is answered and not applied again."""
    apply, applied = DynamoDBBackend.transact_write_items, list[Any]()

    def apply_once(self: DynamoDBBackend, transact_items: Any) -> None:
        if transact_items not in applied:
            apply(self, transact_items)
            applied.append(transact_items)

    monkeypatch.setattr(DynamoDBBackend, "transact_write_items", apply_once)


@pytest.mark.usefixtures("tokens")
def test_item_is_removed_although_the_answer_got_lost(table: Table) -> None:
    table.put(Put(OLD))
    with lost_answer():
        table.delete(Delete(REF, present))
    assert table.get(REF) is None


@pytest.mark.usefixtures("tokens")
def test_item_that_never_was_is_not_removed_by_being_sent_again(table: Table) -> None:
    with lost_answer(), pytest.raises(ConditionFailed) as failed:
        table.delete(Delete(REF, present))
    assert failed.value.old is None


@pytest.mark.usefixtures("tokens")
def test_item_that_may_not_be_removed_stays_although_it_is_sent_again(table: Table) -> None:
    table.put(Put(OLD))
    with lost_answer(), pytest.raises(ConditionFailed) as failed:
        table.delete(Delete(REF, Attr("version").eq(2)))
    assert failed.value.old == table.get(REF) == OLD


@pytest.mark.usefixtures("tokens")
def test_number_that_was_never_listed_is_not_there_although_an_answer_got_lost(table: Table) -> None:
    listed = DoNotCallStore(table)
    with lost_answer(), pytest.raises(NotFoundError):
        listed.remove("org", "+31612345678")
    listed.add("org", Listing(phone_number="+31612345678"))
    with lost_answer():
        listed.remove("org", "+31612345678")
    assert listed.listed("org", ["+31612345678"]) == frozenset()


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
