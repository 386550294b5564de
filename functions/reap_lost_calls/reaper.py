"""Ends the calls of dead nodes and those no node took. It may run twice or stop half-way: the next run goes on."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final

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
    """What one run did; `failed`: what it stumbled over and left to the next."""

    calls: int = 0
    nodes: int = 0
    failed: int = 0

    def __add__(self, other: "Reaped") -> "Reaped":
        """Both together."""
        return Reaped(self.calls + other.calls, self.nodes + other.nodes, self.failed + other.failed)


class Reaper:
    """One run each minute; a killed node's calls are over within three minutes of its last heartbeat."""

    def __init__(self, calls: CallStore, live: LiveCalls, nodes: NodeStore, clock: Clock) -> None:
        self._calls = calls
        self._live = live
        self._nodes = nodes
        self._clock = clock

    def run(self) -> Reaped:
        """End what is lost. Neither a call nor a node that makes this fail keeps the others from their end."""
        reaped = _guarded(lambda: self._end_each(self._live.waiting(), self._end_unclaimed))
        for node in self._nodes.all():
            if node.is_lost(self._clock()):
                reaped += _guarded(partial(self._reap, node), node_id=node.node_id)
        return reaped

    def _reap(self, node: Node) -> Reaped:
        ended = self._end_each(self._live.of_node(node.node_id), partial(self._end_lost, node))
        return ended + Reaped(nodes=self._remove(node))

    def _end_each(self, calls: Iterable[LiveCall], end: Callable[[LiveCall], bool]) -> Reaped:
        # the whole list before the first end: each end takes its call out of the partition that is being read
        each = [_guarded(partial(_counted, end, call), call_id=call.ref.call_id) for call in list(calls)]
        return sum(each, Reaped())

    def _end_unclaimed(self, call: LiveCall) -> bool:
        if self._clock() <= (call.dial_before or call.since + UNCLAIMED_AFTER):
            return False
        outcome = CallOutcome(end_reason=EndReason.DIAL_FAILED, error="No media node took the call")
        return self._end(call, outcome)

    def _end_lost(self, node: Node, call: LiveCall) -> bool:
        outcome = CallOutcome(
            end_reason=EndReason.NODE_LOST, ended_at=node.heartbeat_at, error="The media node of the call was lost"
        )
        return self._end(call, outcome)

    def _end(self, call: LiveCall, outcome: CallOutcome) -> bool:
        """Whether this run ended the call; one that cannot be ended now is left to the next run."""
        try:
            ended = self._calls.lifecycle.finish(call.ref, outcome, unclaimed_only=call.node_id is None)
            if not ended and self._calls.rows.get(call.ref).is_over:
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


def _counted(end: Callable[[LiveCall], bool], call: LiveCall) -> Reaped:
    return Reaped(calls=end(call))


def _guarded(part: Callable[[], Reaped], **about: Any) -> Reaped:
    try:
        return part()
    except Exception:  # noqa: BLE001 - whatever is wrong with one call, the others' slots and credits are due now
        logger().exception("lost_call_not_ended", **about)
        return Reaped(failed=1)
