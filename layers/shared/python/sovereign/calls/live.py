"""The live-call items: which calls a node carries, and which wait for a node."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sovereign.calls import keys
from sovereign.calls.model import CallRef
from sovereign.kernel.clock import from_wire
from sovereign.kernel.table import Delete, Table

__all__ = ["LiveCall", "LiveCalls"]


@dataclass(frozen=True)
class LiveCall:
    """A call in a node's care since `since`; `node_id` None: it waits for one, not longer than until `dial_before`."""

    ref: CallRef
    node_id: str | None
    since: datetime
    dial_before: datetime | None = None


class LiveCalls:
    """Reads the live-call items; `CallStore` writes them with the state changes they belong to."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def of_node(self, node_id: str) -> Iterator[LiveCall]:
        """The calls of a node that have not ended."""
        return self._read(node_id, node_id)

    def waiting(self) -> Iterator[LiveCall]:
        """The calls no node has claimed."""
        return self._read(keys.UNCLAIMED, None)

    def drop(self, call: LiveCall) -> None:
        """Forget an item that outlived its call."""
        self._table.delete(Delete(keys.live_call_ref(call.node_id or keys.UNCLAIMED, call.ref)))

    def _read(self, partition: str, node_id: str | None) -> Iterator[LiveCall]:
        for item in self._table.query(keys.live_calls_key(partition), consistent=True):
            ref = CallRef(item["org_id"], item["call_id"], item["number"])
            until = item.get("dial_before")
            yield LiveCall(ref, node_id, from_wire(item["since"]), from_wire(until) if until else None)
