"""Whether the media nodes have room for one more campaign call, with some kept for those who call in."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from math import ceil

from sovereign.nodes.model import SILENT_AFTER, Node, NodeState

KEPT_FOR_INBOUND = 0.2
"""Share of all capacity that campaigns leave alone."""
_FRESH = timedelta(seconds=5)


class Fleet:
    """Counts on from what the nodes told last."""

    def __init__(self, nodes: Callable[[], Sequence[Node]]) -> None:
        self._nodes = nodes
        self._read_at: datetime | None = None
        self._room = 0
        self._gone_since: datetime | None = None

    def has_room(self, now: datetime) -> bool:
        """Whether another call may be placed; reads the nodes every few seconds."""
        self._look(now)
        return self._room > 0

    def gone_for(self, now: datetime) -> timedelta:
        """How long it has been seen without any node for new calls; a full one is one."""
        self._look(now)
        return now - self._gone_since if self._gone_since else timedelta()

    def _look(self, now: datetime) -> None:
        if self._read_at is None or now - self._read_at >= _FRESH:
            known = self._nodes()
            nodes = [node for node in known if node.accepts_calls(now)]
            total = sum(node.capacity for node in nodes)
            kept = min(ceil(total * KEPT_FOR_INBOUND), max(0, total - 1))
            self._room = sum(node.free_capacity for node in nodes) - kept
            if any(node.state is NodeState.ACCEPTING and now - node.heartbeat_at <= SILENT_AFTER for node in known):
                self._gone_since = None
            else:
                self._gone_since = self._gone_since or now
            self._read_at = now

    def placed(self) -> None:
        """One more call is on its way to them."""
        self._room -= 1
