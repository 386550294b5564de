"""The poller serves every call in each round and survives a broken one."""

import asyncio
from collections.abc import Callable

import pytest

from media.calls.poller import Poller
from tests.virtual_time import VirtualTimeLoop, run_virtual


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


class SlowCall(Call):
    """Its `poll` takes time, as that of a loaded process does."""

    def __init__(self, poller: Poller, log: list[str]) -> None:
        super().__init__()
        self._poller, self._log = poller, log
        poller.add(self)

    def poll(self, now: float) -> None:
        super().poll(now)
        self._log.append("call")
        pass_time(0.0009)


def pass_time(seconds: float) -> None:
    """Let the virtual clock go on while the loop works."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    loop.work(seconds)


async def one_round(others: Callable[[Poller, list[SlowCall], list[str]], None]) -> tuple[list[SlowCall], list[str]]:
    """A round of ten slow calls, while whose first is served something else becomes due."""
    log: list[str] = []
    poller = Poller(Detector())  # type: ignore[arg-type]
    calls = [SlowCall(poller, log) for _ in range(10)]
    asyncio.get_running_loop().call_later(0.0005, others, poller, calls, log)
    running = asyncio.create_task(poller.run())
    await asyncio.sleep(0.0095)
    running.cancel()
    return calls, log


def test_what_is_due_during_a_long_round_does_not_wait_for_its_end() -> None:
    calls, log = run_virtual(one_round(lambda _poller, _calls, log: log.append("other")))
    assert log.index("other") <= 4
    assert [len(call.polls) for call in calls] == [1] * 10
    assert calls[9].polls[0] == pytest.approx(9 * 0.0009)


def test_a_call_removed_during_a_long_round_is_not_served_any_more() -> None:
    calls, _ = run_virtual(one_round(lambda poller, calls, _log: poller.remove(calls[9])))
    assert [len(call.polls) for call in calls] == [1] * 9 + [0]


def test_it_sleeps_while_there_is_no_call() -> None:
    assert served().kicks == 0
