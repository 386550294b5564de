"""Media nodes in the table: `NODES / NODE#<node_id>`."""

from datetime import datetime
from typing import Any

from sovereign.kernel.clock import Clock, from_wire, to_wire, utc_now
from sovereign.kernel.observe import logger
from sovereign.kernel.table import Attr, ConditionFailed, Delete, Item, Put, Ref, Table, Update, present
from sovereign.nodes.model import Node, NodeState

__all__ = ["NodeStore"]

_PK = "NODES"
_PREFIX = "NODE#"
_STATES = tuple(NodeState)
_log = logger()


class NodeStore:
    """Registration and heartbeats of media nodes. Every method is one request."""

    def __init__(self, table: Table, clock: Clock = utc_now) -> None:
        self._table = table
        self._clock = clock

    def register(self, node: Node) -> None:
        """Make the node known, or known anew; its heartbeat starts now."""
        self._table.put(Put(_to_item(node) | {"heartbeat_at": to_wire(self._clock())}))

    def heartbeat(self, node_id: str, *, active_calls: int, state: NodeState) -> bool:
        """Say that the node is alive. False when it was taken for dead and forgotten: register anew."""
        change = {"heartbeat_at": to_wire(self._clock()), "active_calls": active_calls, "state": state.value}
        try:
            self._table.update(Update(_ref(node_id), set=change, condition=present))
        except ConditionFailed:
            return False
        return True

    def mark_draining(self, node_id: str) -> bool:
        """Give the node no new calls; False when it is not registered."""
        return self._set_state(node_id, NodeState.DRAINING)

    def mark_stopped(self, node_id: str) -> bool:
        """The node is going away; the reaper removes it, and ends what calls it may have left."""
        return self._set_state(node_id, NodeState.STOPPED)

    def get(self, node_id: str) -> Node | None:
        """One node, None when it is not registered."""
        item = self._table.get(_ref(node_id), consistent=True)
        return _from_item(item) if item else None

    def all(self) -> list[Node]:
        """Every registered node, the silent ones too. One that a newer version wrote so that it cannot be read is left
        out: it must not cost the others their calls, nor the dead ones their end."""
        nodes: list[Node] = []
        strange: set[str] = set()
        for item in self._table.query(_PK, begins_with=_PREFIX):
            if item.get("state") not in _STATES:
                strange.add(item["sk"])
            try:
                nodes.append(_from_item(item))
            except (KeyError, TypeError, ValueError):
                strange.add(item["sk"])
        if strange:
            _log.warning("nodes_not_understood", nodes=sorted(strange))
        return nodes

    def remove(self, node: Node) -> bool:
        """Forget a node unless it has been heard of since `node` was read; False when it has."""
        unheard = Attr("heartbeat_at").eq(to_wire(node.heartbeat_at))
        try:
            self._table.delete(Delete(_ref(node.node_id), condition=unheard))
        except ConditionFailed:
            return False
        return True

    def _set_state(self, node_id: str, state: NodeState) -> bool:
        try:
            self._table.update(Update(_ref(node_id), set={"state": state.value}, condition=present))
        except ConditionFailed:
            return False
        return True


def _ref(node_id: str) -> Ref:
    return Ref(_PK, _PREFIX + node_id)


def _to_item(node: Node) -> Item:
    pk, sk = _ref(node.node_id)
    return {
        "pk": pk,
        "sk": sk,
        "node_id": node.node_id,
        "control_address": node.control_address,
        "certificate_pem": node.certificate_pem,
        "started_at": to_wire(node.started_at),
        "capacity": node.capacity,
        "active_calls": node.active_calls,
        "state": node.state.value,
        "sip_address": node.sip_address,
    }


def _from_item(item: Item) -> Node:
    def moment(name: str) -> datetime:
        return from_wire(item[name])

    known: dict[str, Any] = {name: item[name] for name in ("node_id", "control_address", "certificate_pem")}
    return Node(
        **known,
        capacity=int(item["capacity"]),
        active_calls=int(item["active_calls"]),
        heartbeat_at=moment("heartbeat_at"),
        started_at=moment("started_at"),
        # a state of a newer version: alive by its heartbeat, and nothing is known that would allow it a new call
        state=NodeState(item["state"]) if item.get("state") in _STATES else NodeState.DRAINING,
        sip_address=item.get("sip_address"),
    )
