"""A media node: one process that carries calls."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

__all__ = [
    "FORGOTTEN_AFTER",
    "HEARTBEAT_INTERVAL",
    "LOST_AFTER",
    "SILENT_AFTER",
    "Node",
    "NodeState",
    "by_free_capacity",
]

HEARTBEAT_INTERVAL = timedelta(seconds=5)
SILENT_AFTER = timedelta(seconds=20)
"""A node silent for longer gets no new calls."""
LOST_AFTER = timedelta(seconds=90)
"""A node silent for longer is dead: the reaper ends its calls."""
FORGOTTEN_AFTER = timedelta(minutes=15)
"""A node silent for longer has no write under way any more that could put another call into its care."""


class NodeState(StrEnum):
    """Whether a node takes calls."""

    ACCEPTING = "accepting"
    DRAINING = "draining"
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node as registered. `control_address` is `host:port` of its control server, `certificate_pem` that server's
    own certificate, which the gateway pins; `sip_address` is `host:port` for the edge; `capacity` is in calls."""

    node_id: str
    control_address: str
    certificate_pem: str
    heartbeat_at: datetime
    started_at: datetime
    capacity: int
    active_calls: int = 0
    state: NodeState = NodeState.ACCEPTING
    sip_address: str | None = None

    @property
    def free_capacity(self) -> int:
        """How many more calls it can carry."""
        return max(0, self.capacity - self.active_calls)

    def accepts_calls(self, now: datetime) -> bool:
        """Whether a new call may be given to it."""
        return self.state is NodeState.ACCEPTING and self.free_capacity > 0 and now - self.heartbeat_at <= SILENT_AFTER

    def is_lost(self, now: datetime) -> bool:
        """Whether its calls must be ended for it."""
        return now - self.heartbeat_at > LOST_AFTER

    def may_be_forgotten(self, now: datetime) -> bool:
        """Whether nothing of it can arrive any more."""
        return now - self.heartbeat_at > FORGOTTEN_AFTER


def by_free_capacity(nodes: Iterable[Node], now: datetime) -> list[Node]:
    """The nodes a new call may go to, the emptiest first."""
    return sorted((node for node in nodes if node.accepts_calls(now)), key=lambda node: -node.free_capacity)
