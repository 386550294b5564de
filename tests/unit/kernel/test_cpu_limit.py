"""The bound on computation holds wherever the signal comes."""

import signal
import time

import pytest

from sovereign.kernel.cpu_limit import CpuLimitError, within_cpu_seconds

SECONDS = 0.05


def compute(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


class Lingering:
    """Takes longer than the bound to go away: the first signal comes meanwhile, and what it raises is ignored."""

    def __del__(self) -> None:
        compute(3 * SECONDS)


def test_work_within_the_bound_gives_its_result() -> None:
    assert within_cpu_seconds(SECONDS, lambda: 5) == 5


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_that_comes_in_a_finalizer_is_not_the_last() -> None:
    def work() -> None:
        Lingering()
        compute(100 * SECONDS)

    before = time.process_time()
    with pytest.raises(CpuLimitError):
        within_cpu_seconds(SECONDS, work)
    assert time.process_time() - before < 50 * SECONDS


def test_signal_right_after_the_work_does_not_leave_the_timer_running(monkeypatch: pytest.MonkeyPatch) -> None:
    set_timer, late = signal.setitimer, [signal.SIGVTALRM]

    def interrupted(which: int, seconds: float, interval: float = 0.0) -> None:
        if not seconds and late:
            signal.raise_signal(late.pop())
        set_timer(which, seconds, interval)

    before = signal.getsignal(signal.SIGVTALRM)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(signal, "setitimer", interrupted)
            with pytest.raises(CpuLimitError):
                within_cpu_seconds(60, lambda: 5)
        assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)
        assert signal.getsignal(signal.SIGVTALRM) == before
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
