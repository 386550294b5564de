"""When a media process goes away, and what becomes of its calls then."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from media.capacity import Slot
from media.server import EXIT_REPLACE, MediaProcess
from sovereign.calls import EndReason
from tests.virtual_time import run_virtual

DRAIN_SECONDS = 90.0


class Director:
    """Calls that end when they are told to."""

    def __init__(self) -> None:
        self.stopped: list[EndReason] = []
        self.calls: list[Slot] = []

    async def stop_calls(self, reason: EndReason) -> None:
        self.stopped.append(reason)
        self.hang_up()

    def hang_up(self) -> None:
        while self.calls:
            self.calls.pop().release()

    async def finished(self) -> None:
        return


class Stand:
    """A process without a SIP stack."""

    def __init__(self) -> None:
        self.process = MediaProcess(cast(Any, SimpleNamespace(max_calls=2, drain_seconds=DRAIN_SECONDS)))
        self.endpoint = SimpleNamespace(full=False, outdated=False)
        self.process._endpoint = cast(Any, self.endpoint)
        self.director = Director()
        self.capacity = self.process._capacity

    def call(self) -> None:
        slot = self.capacity.reserve()
        assert slot
        self.director.calls.append(slot)

    async def live(self) -> float:
        """From the start to the end of the drain; seconds of it."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        await self.process._wait_for_stop()
        await self.process._drain(cast(Any, self.director), cast(Any, SimpleNamespace(beat_soon=lambda: None)))
        return loop.time() - started


@pytest.fixture
def stand() -> Stand:
    return Stand()


@pytest.mark.parametrize(("state", "takes_calls"), [("full", False), ("outdated", True)])
def test_a_process_that_replaces_itself_ends_nobodys_call(stand: Stand, state: str, takes_calls: bool) -> None:
    async def scene() -> None:
        stand.call()
        setattr(stand.endpoint, state, True)
        living = asyncio.create_task(stand.live())
        await asyncio.sleep(3600)
        assert not living.done()
        assert stand.capacity.accepting is takes_calls
        stand.director.hang_up()
        await living
        assert stand.director.stopped == []
        assert stand.process._exit_code == EXIT_REPLACE

    run_virtual(scene())


def test_who_is_asked_to_stop_ends_its_calls_at_the_deadline(stand: Stand) -> None:
    async def scene() -> None:
        stand.call()
        stand.process.request_stop()
        assert await stand.live() == pytest.approx(DRAIN_SECONDS, abs=1)
        assert stand.director.stopped == [EndReason.SHUTDOWN]
        assert stand.process._exit_code == 0

    run_virtual(scene())


def test_who_is_asked_to_stop_while_it_replaces_itself_has_a_deadline_too(stand: Stand) -> None:
    async def scene() -> None:
        stand.call()
        stand.endpoint.full = True
        living = asyncio.create_task(stand.live())
        await asyncio.sleep(600)
        stand.process.request_stop()
        assert await living == pytest.approx(600 + DRAIN_SECONDS, abs=1)
        assert stand.director.stopped == [EndReason.SHUTDOWN]

    run_virtual(scene())
