"""An event loop whose clock jumps to the next timer: a minute of conversation runs in milliseconds, in a fixed order.

Nothing may wait for the outside world: `run_in_executor` (and so `asyncio.to_thread`) runs its function at once.
A loop with nothing left to do raises instead of hanging.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class NothingLeftToDoError(RuntimeError):
    """Everything waits and no timer is set: the program under test would hang for ever."""


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise NothingLeftToDoError("every task waits and no timer is set")
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Time starts at 0 and moves only when every task waits; two timers of one moment fire in the order they were
    set."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        # timers this close together count as one moment, whatever their sums of floats came to
        self._clock_resolution = 1e-7

    def time(self) -> float:
        return self._jumping.now

    def work(self, seconds: float) -> None:
        """What runs now takes so long: the clock goes on without anything else getting a turn."""
        self._jumping.now += seconds

    def run_in_executor(  # type: ignore[override]  # of any kind of arguments
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as failure:  # noqa: BLE001 - as an executor does, it goes to whoever waits
            future.set_exception(failure)
        return future


def run_virtual(program: Coroutine[Any, Any, Result]) -> Result:
    """Run a program on a fresh loop of virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(program)
