"""The table in this process: conditions, transactions and the `due` index, a hundred times faster than moto.

`test_memory_table.py` holds it against moto. Before and after each write it may be interrupted.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sovereign.kernel.conditions import Condition
from sovereign.kernel.table import Check, ConditionFailed, Delete, Item, Page, Put, Ref, Table, Update, Write


class MemoryTable(Table):
    """Items by key. `interrupt` is called around every write and may raise, `delay` before each; `requests` and
    `written` count."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Item]] = defaultdict(dict)
        self.due: dict[str, dict[Ref, str]] = defaultdict(dict)
        self._marked: dict[Ref, str] = {}
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
        rows = self._sorted(pk, index)
        if begins_with is not None:
            rows = [row for row in rows if row[0].startswith(begins_with)]
        if between is not None:
            rows = [row for row in rows if between[0] <= row[0] <= between[1]]
        if start is not None:
            rows = [row for row in rows if (row[0], row[1]) > (start["at"], start["ref"])]
        if descending:
            rows.reverse()
        cut = rows[:limit] if limit else rows
        more = {"at": cut[-1][0], "ref": cut[-1][1]} if len(cut) < len(rows) else None
        return Page([dict(item) for _, _, item in cut], more)

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
            self.items[ref.pk].pop(ref.sk, None)
            item: Item = {}
        else:
            item = dict(write.item) if isinstance(write, Put) else self._updated(write)
            self.items[ref.pk][ref.sk] = item
        before = self._marked.pop(ref, None)
        if before is not None:
            del self.due[before][ref]
        if "due_shard" in item:
            self._marked[ref] = item["due_shard"]
            self.due[item["due_shard"]][ref] = item["due_at"]

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

    def _sorted(self, pk: str, index: str | None) -> list[tuple[str, Ref, Item]]:
        if index is None:
            return [(sk, Ref(pk, sk), self.items[pk][sk]) for sk in sorted(self.items[pk])]
        assert index == "due", index
        return [
            (at, ref, {"pk": ref.pk, "sk": ref.sk, "due_at": at})
            for ref, at in sorted(self.due[pk].items(), key=lambda e: (e[1], e[0]))
        ]


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
