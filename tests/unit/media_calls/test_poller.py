"""The poller serves every call in each round and survives a broken one."""

import asyncio

import pytest

from media.calls.poller import Poller
from tests.virtual_time import run_virtual


class Detector:
    def __init__(self) -> None:
        self.kicks = 0

    def kick(self) -> None:
        self.kicks += 1


class Call:
    def __init__(self, fails_at: int | None = None) -> None:
        self.polls: list[float] = []
        self.failure: Exception | None = None
        self._fails_at = fails_at

    def poll(self, now: float) -> None:
        self.polls.append(now)
        if len(self.polls) == self._fails_at:
            raise ZeroDivisionError

    def poll_failed(self, failure: Exception) -> None:
        self.failure = failure


def served(*calls: Call, seconds: float = 1.0) -> Detector:
    async def program() -> Detector:
        detector = Detector()
        poller = Poller(detector)  # type: ignore[arg-type]
        running = asyncio.create_task(poller.run())
        await asyncio.sleep(5.0)
        for call in calls:
            poller.add(call)
        await asyncio.sleep(seconds)
        for call in calls:
            poller.remove(call)
        await asyncio.sleep(5.0)
        running.cancel()
        return detector

    return run_virtual(program())


def test_every_call_is_served_every_ten_milliseconds() -> None:
    calls = [Call(), Call()]
    detector = served(*calls)
    for call in calls:
        assert len(call.polls) == pytest.approx(100, abs=1)
    assert detector.kicks == pytest.approx(100, abs=2)


def test_a_broken_call_is_told_once_and_the_others_go_on() -> None:
    broken, healthy = Call(fails_at=3), Call()
    served(broken, healthy)
    assert isinstance(broken.failure, ZeroDivisionError)
    assert len(broken.polls) == 3
    assert len(healthy.polls) > 90


def test_it_sleeps_while_there_is_no_call() -> None:
    assert served().kicks == 0
