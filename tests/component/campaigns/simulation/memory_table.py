"""The table in this process: conditions, transactions and the `due` index, a hundred times faster than moto.

`test_memory_table.py` holds it against moto. Before and after each write it may be interrupted.
"""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sovereign.kernel.conditions import Condition
from sovereign.kernel.table import Check, ConditionFailed, Delete, Item, Page, Put, Ref, Table, Update, Write

_Order = list[tuple[str, Ref]]
"""Items in the order of a sort key: the table's own, or the index's."""


class MemoryTable(Table):
    """Items by key; `due` has the index of that name, each shard's earliest first. `interrupt` is called around every
    write and may raise, `delay` before each; `requests` and `written` count."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Item]] = defaultdict(dict)
        self.due: dict[str, _Order] = defaultdict(list)
        self._order: dict[str, _Order] = defaultdict(list)
        self._marked: dict[Ref, tuple[str, str]] = {}
        self.interrupt: Callable[[], None] = lambda: None
        self.delay: Callable[[], None] = lambda: None
        self.requests = 0
        self.written = 0

    def get(self, ref: Ref, *, consistent: bool = False) -> Item | None:
        self.requests += 1
        return self._read(ref)

    def get_many(self, refs: Sequence[Ref], *, consistent: bool = False) -> dict[Ref, Item]:
        self.requests += 1
        assert len(refs) <= 100
        return {ref: item for ref in refs if (item := self._read(ref)) is not None}

    def page(
        self,
        pk: str,
        *,
        begins_with: str | None = None,
        between: tuple[str, str] | None = None,
        index: str | None = None,
        descending: bool = False,
        limit: int | None = None,
        start: dict[str, Any] | None = None,
        consistent: bool = False,
    ) -> Page:
        self.requests += 1
        assert index in (None, "due"), index
        order = self.due[pk] if index else self._order[pk]
        first, stop = 0, len(order)
        if begins_with is not None:
            first, stop = bisect_left(order, (begins_with,)), bisect_left(order, (begins_with + "\U0010ffff",))
        if between is not None:
            first, stop = bisect_left(order, (between[0],)), bisect_right(order, between[1], key=lambda entry: entry[0])
        if start is not None and descending:
            stop = min(stop, bisect_left(order, (start["at"], start["ref"])))
        elif start is not None:
            first = max(first, bisect_right(order, (start["at"], start["ref"])))
        found = order[first:stop]
        if descending:
            found.reverse()
        cut = found[:limit] if limit else found
        more = {"at": cut[-1][0], "ref": cut[-1][1]} if len(cut) < len(found) else None
        if index:
            return Page([{"pk": ref.pk, "sk": ref.sk, "due_at": at} for at, ref in cut], more)
        return Page([dict(self.items[pk][sk]) for sk, _ in cut], more)

    def put(self, write: Put) -> None:
        self._apply([write])

    def update(self, write: Update) -> Item:
        self._apply([write])
        return dict(self.items[write.ref.pk][write.ref.sk])

    def delete(self, write: Delete) -> None:
        self._apply([write])

    def transact(self, writes: Sequence[Write]) -> None:
        assert len(writes) <= 100
        touched = [_ref(write) for write in writes]
        assert len({*touched}) == len(touched), "a transaction touches an item once"
        self._apply(writes)

    def _apply(self, writes: Sequence[Write]) -> None:
        self.delay()
        self.interrupt()
        self.requests += 1
        for index, write in enumerate(writes):
            old = self._read(_ref(write))
            if write.condition is not None and not holds(write.condition, old or {}):
                raise ConditionFailed(index, old)
        self.written += 1
        for write in writes:
            self._write(write)
        self.interrupt()

    def _write(self, write: Write) -> None:
        ref = _ref(write)
        if isinstance(write, Check):
            return
        if isinstance(write, Delete):
            item: Item = {}
            if self.items[ref.pk].pop(ref.sk, None) is not None:
                _take(self._order[ref.pk], (ref.sk, ref))
        else:
            item = dict(write.item) if isinstance(write, Put) else self._updated(write)
            if ref.sk not in self.items[ref.pk]:
                insort(self._order[ref.pk], (ref.sk, ref))
            self.items[ref.pk][ref.sk] = item
        if (before := self._marked.pop(ref, None)) is not None:
            _take(self.due[before[0]], (before[1], ref))
        if "due_shard" in item:
            shard, at = self._marked[ref] = item["due_shard"], item["due_at"]
            insort(self.due[shard], (at, ref))

    def _updated(self, write: Update) -> Item:
        item = self._read(write.ref) or dict(write.ref._asdict())
        item |= write.set
        for name, more in write.add.items():
            item[name] = item.get(name, 0) + more
        for name in write.remove:
            item.pop(name, None)
        return item

    def _read(self, ref: Ref) -> Item | None:
        found = self.items[ref[0]].get(ref[1])
        return None if found is None else dict(found)


def _take(order: _Order, entry: tuple[str, Ref]) -> None:
    del order[bisect_left(order, entry)]


def holds(condition: Condition, item: Mapping[str, Any]) -> bool:
    """Whether an item meets one of boto3's conditions."""
    operator, (left, *right) = condition.expression_operator, condition.get_expression()["values"]
    if operator == "AND":
        return holds(left, item) and holds(right[0], item)
    if operator == "OR":
        return holds(left, item) or holds(right[0], item)
    if operator == "NOT":
        return not holds(left, item)
    if operator == "attribute_exists":
        return left.name in item
    if operator == "attribute_not_exists":
        return left.name not in item
    if left.name not in item:
        return operator == "<>"
    return _compared(operator, item[left.name], right)


def _compared(operator: str, value: Any, given: Sequence[Any]) -> bool:
    if operator in ("=", "<>"):
        return (value == given[0]) is (operator == "=")
    if value is None or isinstance(value, str) is not isinstance(given[0], str):
        return False
    compare: Mapping[str, Callable[[], bool]] = {
        "<": lambda: value < given[0],
        "<=": lambda: value <= given[0],
        ">": lambda: value > given[0],
        ">=": lambda: value >= given[0],
        "BETWEEN": lambda: given[0] <= value <= given[1],
    }
    return compare[operator]()


def _ref(write: Write) -> Ref:
    return Ref(write.item["pk"], write.item["sk"]) if isinstance(write, Put) else write.ref
