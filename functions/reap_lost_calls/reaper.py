"""Ends the calls of dead nodes and those no node took. It may run twice or stop half-way: the next run goes on."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sovereign.calls.errors import CallNotFoundError
from sovereign.calls.live import LiveCall, LiveCalls
from sovereign.calls.model import CallOutcome, EndReason
from sovereign.calls.store import CallStore
from sovereign.kernel.clock import Clock
from sovereign.kernel.errors import UnavailableError
from sovereign.kernel.observe import logger
from sovereign.nodes.model import Node
from sovereign.nodes.store import NodeStore

__all__ = ["UNCLAIMED_AFTER", "Reaped", "Reaper"]

UNCLAIMED_AFTER: Final = timedelta(minutes=2)
"""How long a call may wait for a node, where it has no time of its own."""


@dataclass(frozen=True)
class Reaped:
    """What one run did."""

    calls: int
    nodes: int


class Reaper:
    """One run each minute; a killed node's calls are over within three minutes of its last heartbeat."""

    def __init__(self, calls: CallStore, live: LiveCalls, nodes: NodeStore, clock: Clock) -> None:
        self._calls = calls
        self._live = live
        self._nodes = nodes
        self._clock = clock

    def run(self) -> Reaped:
        """End what is lost."""
        ended = sum(map(self._end_unclaimed, list(self._live.waiting())))
        removed = 0
        for node in self._nodes.all():
            if not node.is_lost(self._clock()):
                continue
            ended += sum(self._end_lost(call, node) for call in list(self._live.of_node(node.node_id)))
            removed += self._remove(node)
        return Reaped(ended, removed)

    def _end_unclaimed(self, call: LiveCall) -> bool:
        if self._clock() <= (call.dial_before or call.since + UNCLAIMED_AFTER):
            return False
        outcome = CallOutcome(end_reason=EndReason.DIAL_FAILED, error="No media node took the call")
        return self._end(call, outcome)

    def _end_lost(self, call: LiveCall, node: Node) -> bool:
        outcome = CallOutcome(
            end_reason=EndReason.NODE_LOST, ended_at=node.heartbeat_at, error="The media node of the call was lost"
        )
        return self._end(call, outcome)

    def _end(self, call: LiveCall, outcome: CallOutcome) -> bool:
        """Whether this run ended the call; one that cannot be ended now is left to the next run."""
        try:
            ended = self._calls.finish(call.ref, outcome, unclaimed_only=call.node_id is None)
            if not ended and self._calls.get_row(call.ref).is_over:
                self._live.drop(call)
        except CallNotFoundError:
            self._live.drop(call)
            return False
        except UnavailableError:
            logger().warning("lost_call_left_to_next_run", call_id=call.ref.call_id)
            return False
        if ended:
            logger().warning("lost_call_ended", call_id=call.ref.call_id, end_reason=outcome.end_reason.value)
        return ended

    def _remove(self, node: Node) -> bool:
        """Forget a dead node once none of its calls is left. Not at once: a request that hung while it was silent may
        still put a call into its care, which nobody would find after that."""
        if not node.may_be_forgotten(self._clock()) or next(self._live.of_node(node.node_id), None) is not None:
            return False
        return self._nodes.remove(node)
