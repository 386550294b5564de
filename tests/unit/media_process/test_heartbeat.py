"""What follows when the node's heartbeat cannot be written."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor, Future
from datetime import UTC, datetime
from typing import Any

import pytest

from media import heartbeat as module
from media.capacity import Capacity
from media.heartbeat import Heartbeat
from sovereign.nodes.model import Node, NodeState

NODE = Node(
    node_id="n1",
    control_address="127.0.0.1:1",
    certificate_pem="pem",
    heartbeat_at=datetime(2026, 1, 1, tzinfo=UTC),
    started_at=datetime(2026, 1, 1, tzinfo=UTC),
    capacity=4,
)


class Inline(Executor):
    """Runs at once, or never when it hangs."""

    hanging = False

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if self.hanging:
            return future
        try:
            future.set_result(fn(*args, **kwargs))
        except ConnectionError as failed:
            future.set_exception(failed)
        return future


class Registry:
    def __init__(self) -> None:
        self.registered: list[Node] = []
        self.beats: list[tuple[int, NodeState]] = []
        self.known = True
        self.broken = False
        self.stopped = False

    def register(self, node: Node) -> None:
        self.registered.append(node)
        self.known = True

    def heartbeat(self, node_id: str, *, active_calls: int, state: NodeState) -> bool:
        if self.broken:
            raise ConnectionError("no table")
        self.beats.append((active_calls, state))
        return self.known

    def mark_stopped(self, node_id: str) -> bool:
        if self.broken:
            raise ConnectionError("no table")
        self.stopped = True
        return True


class Stand:
    def __init__(self) -> None:
        self.registry, self.capacity, self.executor = Registry(), Capacity(4), Inline()
        self.lost = 0
        self.heartbeat = Heartbeat(self.registry, NODE, self.capacity, self.executor, self._on_lost)

    def _on_lost(self) -> None:
        self.lost += 1


@pytest.fixture
async def stand(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stand]:
    # one second becomes two milliseconds
    monkeypatch.setattr(module, "INTERVAL_SECONDS", 0.01)
    monkeypatch.setattr(module, "PAUSE_AFTER_SECONDS", 0.04)
    monkeypatch.setattr(module, "END_CALLS_AFTER_SECONDS", 0.12)
    made = Stand()
    await made.heartbeat.register()
    running = asyncio.create_task(made.heartbeat.run())
    yield made
    running.cancel()
    await asyncio.wait({running})


async def test_beats_tell_calls_and_state(stand: Stand) -> None:
    stand.capacity.reserve()
    await asyncio.sleep(0.03)
    stand.capacity.drain()
    stand.heartbeat.beat_soon()
    await asyncio.sleep(0.03)
    assert (1, NodeState.ACCEPTING) in stand.registry.beats
    assert stand.registry.beats[-1] == (1, NodeState.DRAINING)


async def test_forgotten_node_registers_anew(stand: Stand) -> None:
    stand.registry.known = False
    await asyncio.sleep(0.03)
    assert len(stand.registry.registered) >= 2


@pytest.mark.parametrize("how", ["failing", "hanging"])
async def test_silence_pauses_then_ends_calls_once_and_recovery_resumes(stand: Stand, how: str) -> None:
    stand.registry.broken, stand.executor.hanging = how == "failing", how == "hanging"
    await asyncio.sleep(0.08)
    assert not stand.capacity.accepting
    assert stand.lost == 0
    await asyncio.sleep(0.15)
    assert stand.lost == 1
    if how == "failing":
        stand.registry.broken = False
        await asyncio.sleep(0.03)
        assert stand.capacity.accepting


async def test_stop_says_goodbye_and_survives_a_broken_table(stand: Stand) -> None:
    await stand.heartbeat.stop()
    assert stand.registry.stopped
    stand.registry.broken = True
    await stand.heartbeat.stop()
