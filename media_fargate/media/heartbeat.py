"""The node's sign of life: registered at the start, renewed every 5 s, and what follows when it cannot be."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from typing import Protocol

from aws_lambda_powertools import Logger

from media.capacity import Capacity
from sovereign.nodes.model import HEARTBEAT_INTERVAL, SILENT_AFTER, Node, NodeState

__all__ = ["END_CALLS_AFTER_SECONDS", "Heartbeat", "NodeRegistry"]

INTERVAL_SECONDS = HEARTBEAT_INTERVAL.total_seconds()
PAUSE_AFTER_SECONDS = SILENT_AFTER.total_seconds()
END_CALLS_AFTER_SECONDS = 60.0
"""Without a written heartbeat for so long the calls are ended here, before the reaper ends them at 90 s."""

logger = Logger(child=True)


class NodeRegistry(Protocol):
    """What is used of `sovereign.nodes.store.NodeStore`; every method blocks."""

    def register(self, node: Node) -> None:
        """Make the node known."""

    def heartbeat(self, node_id: str, *, active_calls: int, state: NodeState) -> bool:
        """Renew it; False when it must register anew."""

    def mark_stopped(self, node_id: str) -> bool:
        """It goes away."""


class Heartbeat:
    """Renews the node's item and pauses or ends calls when that has not worked for too long.

    Writes run one at a time on `executor`, its own, so that neither a hanging write nor other work delays the watch.
    """

    def __init__(
        self, registry: NodeRegistry, node: Node, capacity: Capacity, executor: Executor, on_lost: Callable[[], None]
    ) -> None:
        self._registry = registry
        self._node = node
        self._capacity = capacity
        self._executor = executor
        self._on_lost = on_lost
        self._write: asyncio.Future[None] | None = None
        self._last_success = 0.0
        self._lost = False
        self._beat_now = asyncio.Event()

    async def register(self) -> None:
        """Make the node known; raises what the table raises."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, self._registry.register, self._node)
        self._last_success = loop.time()

    async def run(self) -> None:
        """Beat until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self._beat_now.clear()
            if self._write is None or self._write.done():
                self._write = loop.run_in_executor(self._executor, self._beat)
            started = self._write, loop.time()
            await asyncio.wait({self._write}, timeout=INTERVAL_SECONDS)
            self._judge(*started)
            await self._pause(INTERVAL_SECONDS - (loop.time() - started[1]))

    def beat_soon(self) -> None:
        """Tell the state at once, e.g. that draining has begun."""
        self._beat_now.set()

    async def stop(self) -> None:
        """Say that the node is gone; failing that the reaper finds out."""
        try:
            stopped = asyncio.get_running_loop().run_in_executor(
                self._executor, self._registry.mark_stopped, self._node.node_id
            )
            async with asyncio.timeout(INTERVAL_SECONDS):
                await stopped
        except Exception:
            logger.warning("node_stop_not_written", exc_info=True)

    def _beat(self) -> None:
        """On the executor: renew, or register anew when the node was taken for dead."""
        state = NodeState.DRAINING if self._capacity.draining else NodeState.ACCEPTING
        active = self._capacity.active
        if not self._registry.heartbeat(self._node.node_id, active_calls=active, state=state):
            self._registry.register(replace(self._node, active_calls=active, state=state))

    def _judge(self, write: asyncio.Future[None], started_at: float) -> None:
        """Draw the consequences of the last write and of the time since the last one that worked."""
        now = asyncio.get_running_loop().time()
        if write.done() and write.exception() is None:
            # counted from its start: what was told then is what the others know
            self._last_success = max(self._last_success, started_at)
            self._lost = False
            self._capacity.resume()
            return
        error = write.exception() if write.done() else None
        silent = now - self._last_success
        logger.warning("heartbeat_not_written", silent_seconds=round(silent), error=type(error).__name__)
        if silent >= PAUSE_AFTER_SECONDS:
            self._capacity.pause()
        if silent >= END_CALLS_AFTER_SECONDS and not self._lost:
            self._lost = True
            self._on_lost()

    async def _pause(self, seconds: float) -> None:
        try:
            # not wait_for: Python 3.11's takes a cancellation for the end of the wait when both come at once
            async with asyncio.timeout(max(0.0, seconds)):
                await self._beat_now.wait()
        except TimeoutError:
            return
