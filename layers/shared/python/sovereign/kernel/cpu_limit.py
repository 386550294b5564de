"""A bound on pure computation that somebody else's input can make endless, such as a regular expression of theirs."""

import signal
import threading
from collections.abc import Callable
from typing import NoReturn, TypeVar

_Result = TypeVar("_Result")


class CpuLimitError(Exception):
    """The work took more processor time than it may."""


def within_cpu_seconds(seconds: float, work: Callable[[], _Result]) -> _Result:
    """Do the work, or raise CpuLimitError once the process has computed for `seconds` meanwhile.

    Only a signal interrupts the regular-expression engine, and only the main thread is told of signals: elsewhere the
    work runs unbounded. The event loop of a media process and a function's handler are in the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    previous = signal.signal(signal.SIGVTALRM, _expire)
    # again and again: what is raised while a finalizer happens to run is ignored by the interpreter
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, seconds)
    try:
        try:
            return work()
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    finally:
        # once more: a signal that came after the work may have kept the first from being carried out
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, previous)


def _expire(_number: int, _frame: object) -> NoReturn:
    raise CpuLimitError("the work took too much processor time")
