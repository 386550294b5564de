"""The table as a process reaches it: before, between and after its requests anything may happen to either."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sovereign.kernel.table import Delete, Item, Page, Put, Ref, Table, Update, Write
from tests.component.campaigns.simulation.memory_table import MemoryTable

T = TypeVar("T")
Around = Callable[[Callable[[], Any]], Any]
"""Sends a request, or does not; may raise before it is applied, and after that."""
OnChange = Callable[[Ref, Item | None, Item | None], None]


class WatchedTable(MemoryTable):
    """Tells each change of an item: where, before, after."""

    def __init__(self, on_change: OnChange) -> None:
        super().__init__()
        self._on_change = on_change

    def _write(self, write: Write) -> None:
        place = (write.item["pk"], write.item["sk"]) if isinstance(write, Put) else write.ref
        ref = Ref(*place)
        before = self._read(ref)
        super()._write(write)
        self._on_change(ref, before, self._read(ref))


class ReachedTable(Table):
    """The whole table through one process's connection."""

    def __init__(self, table: MemoryTable, around: Around) -> None:
        self._table = table
        self._around = around

    def get(self, ref: Ref, *, consistent: bool = False) -> Item | None:
        return self._send(lambda: self._table.get(ref, consistent=consistent))

    def get_many(self, refs: Sequence[Ref], *, consistent: bool = False) -> dict[Ref, Item]:
        return self._send(lambda: self._table.get_many(refs, consistent=consistent))

    def page(self, pk: str, **bounds: Any) -> Page:
        return self._send(lambda: self._table.page(pk, **bounds))

    def put(self, write: Put) -> None:
        self._send(lambda: self._table.put(write))

    def update(self, write: Update) -> Item:
        return self._send(lambda: self._table.update(write))

    def delete(self, write: Delete) -> None:
        self._send(lambda: self._table.delete(write))

    def transact(self, writes: Sequence[Write]) -> None:
        self._send(lambda: self._table.transact(writes))

    def _send(self, request: Callable[[], T]) -> T:
        answer: T = self._around(request)
        return answer
