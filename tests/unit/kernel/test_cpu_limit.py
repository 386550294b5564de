"""The bound on computation holds wherever the signal comes."""

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
