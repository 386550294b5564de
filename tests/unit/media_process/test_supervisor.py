"""Children are replaced when they die, not when they are configured wrongly, and all stop together."""

import asyncio
import signal

import pytest

from media import supervisor as module
from media.supervisor import EXIT_CONFIGURATION, Supervisor


class FakeChild:
    def __init__(self) -> None:
        self.returncode: int | None = None
        self.signals: list[int] = []
        self._end = asyncio.Event()

    def end(self, code: int) -> None:
        self.returncode = code
        self._end.set()

    async def wait(self) -> int:
        await self._end.wait()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, sig: int) -> None:
        self.signals.append(sig)
        self.end(0)


class Nursery:
    def __init__(self) -> None:
        self.children: list[tuple[int, FakeChild]] = []

    async def spawn(self, index: int) -> FakeChild:
        child = FakeChild()
        self.children.append((index, child))
        return child

    async def grow_to(self, count: int) -> None:
        async with asyncio.timeout(2):
            while len(self.children) < count:
                await asyncio.sleep(0.001)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 0.005)


async def test_dead_child_is_replaced_and_the_others_stay() -> None:
    nursery = Nursery()
    supervisor = Supervisor(2, nursery.spawn)
    running = asyncio.create_task(supervisor.run())
    await nursery.grow_to(2)
    nursery.children[0][1].end(-9)
    await nursery.grow_to(3)
    assert nursery.children[2][0] == nursery.children[0][0]
    assert nursery.children[1][1].returncode is None
    supervisor.stop()
    assert await running == 0
    assert nursery.children[1][1].signals == [signal.SIGTERM]


async def test_pauses_grow_while_a_child_keeps_dying(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    nursery = Nursery()
    supervisor = Supervisor(1, nursery.spawn)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(supervisor, "_sleep", sleep)
    running = asyncio.create_task(supervisor.run())
    for count in range(1, 20):
        await nursery.grow_to(count)
        nursery.children[-1][1].end(1)
    await nursery.grow_to(20)
    assert slept[:4] == [0.005, 0.01, 0.02, 0.04]
    assert max(slept) == module.LONGEST_PAUSE_SECONDS
    supervisor.stop()
    await running


async def test_wrong_configuration_stops_everything_with_its_code() -> None:
    nursery = Nursery()
    supervisor = Supervisor(2, nursery.spawn)
    running = asyncio.create_task(supervisor.run())
    await nursery.grow_to(2)
    nursery.children[0][1].end(EXIT_CONFIGURATION)
    assert await running == EXIT_CONFIGURATION
    assert nursery.children[1][1].signals == [signal.SIGTERM]
    assert len(nursery.children) == 2


async def test_child_that_was_just_being_started_is_stopped_too() -> None:
    gate, nursery = asyncio.Event(), Nursery()

    async def spawn(index: int) -> FakeChild:
        await gate.wait()
        return await nursery.spawn(index)

    supervisor = Supervisor(1, spawn)
    running = asyncio.create_task(supervisor.run())
    await asyncio.sleep(0.005)
    supervisor.stop()
    gate.set()
    assert await running == 0
    assert nursery.children[0][1].signals == [signal.SIGTERM]


async def test_process_the_system_cannot_start_is_tried_again_and_the_others_stay() -> None:
    nursery, failures = Nursery(), 2

    async def spawn(index: int) -> FakeChild:
        nonlocal failures
        if index == 1 and failures:
            failures -= 1
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return await nursery.spawn(index)

    supervisor = Supervisor(2, spawn)
    running = asyncio.create_task(supervisor.run())
    await nursery.grow_to(2)
    assert sorted(index for index, _ in nursery.children) == [0, 1]
    assert nursery.children[0][1].returncode is None
    supervisor.stop()
    assert await running == 0


async def test_a_child_that_crashes_while_it_is_stopped_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, object]] = []
    monkeypatch.setattr(module.logger, "error", lambda _, **fields: told.append(fields))
    nursery = Nursery()
    supervisor = Supervisor(1, nursery.spawn)
    running = asyncio.create_task(supervisor.run())
    await nursery.grow_to(1)
    monkeypatch.setattr(nursery.children[0][1], "send_signal", lambda _: nursery.children[0][1].end(-6))
    supervisor.stop()
    assert await running == 0
    assert told == [{"index": 0, "exit_code": -6}]
