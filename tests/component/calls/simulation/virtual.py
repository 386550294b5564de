"""A loop of virtual time on which blocking work waits too: what an executor runs is a greenlet that may sleep while
everything else goes on, as a thread or a function would."""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from greenlet import getcurrent, greenlet

from tests.component.campaigns.simulation.chances import CrashError
from tests.virtual_time import VirtualTimeLoop

T = TypeVar("T")


class FunctionCrashedError(Exception):
    """An invocation ended without an answer."""


class Owner(Protocol):
    """The process that tasks and threads belong to."""

    dead: bool
    tasks: dict[asyncio.Task[Any], None]
    threads: dict[greenlet, None]


OWNER: ContextVar[Owner | None] = ContextVar("OWNER", default=None)
"""Inherited by all that a process starts; None: a function's."""


class SimulatedLoop(VirtualTimeLoop):
    """Time begins at `began`. Tasks and threads are known to their process, so that it can be killed."""

    def __init__(self, began: datetime) -> None:
        super().__init__()
        self._began = began
        self.set_task_factory(_owned_task)

    def clock(self) -> datetime:
        """Now, in the milliseconds the wire format keeps."""
        return self._began + timedelta(milliseconds=round(self.time() * 1000))

    def run_in_executor(  # type: ignore[override]  # as the base's
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        owner, future = OWNER.get(), self.create_future()

        def work() -> None:
            try:
                result = func(*args)
            except CrashError:
                _settle(future, future.cancel)
            except Exception as failure:  # noqa: BLE001 - as an executor does, it goes to whoever waits
                _settle(future, lambda failure=failure: future.set_exception(failure))  # type: ignore[misc]
            else:
                _settle(future, lambda: future.set_result(result))
            finally:
                if owner is not None:
                    owner.threads.pop(thread, None)

        thread = greenlet(work)
        if owner is not None and owner.dead:
            future.cancel()
            return future
        if owner is not None:
            owner.threads[thread] = None
        thread.switch()
        return future

    async def invoke(self, work: Callable[[], T]) -> T:
        """A function's result. Raises FunctionCrashedError, and what the function raises; when nobody waits any more it
        goes on all the same."""

        def told() -> T:
            try:
                return work()
            except CrashError:
                raise FunctionCrashedError from None

        result: T = await self.run_in_executor(None, told)
        return result

    def sleep(self, seconds: float) -> None:
        """The thread that calls this waits; outside one nothing does."""
        thread = getcurrent()
        if thread.parent is None:
            return
        self.call_later(seconds, _wake, thread)
        thread.parent.switch()


def kill(owner: Owner) -> None:
    """Stop all that a process does, wherever it is; who calls this from a thread of its own must stop by itself."""
    owner.dead = True
    for thread in [*owner.threads]:
        if thread is not getcurrent() and thread:
            thread.parent = getcurrent()
            thread.throw(CrashError)
    for task in [*owner.tasks]:
        task.cancel()


def _wake(thread: greenlet) -> None:
    if not thread.dead:
        thread.parent = getcurrent()
        thread.switch()


def _settle(future: asyncio.Future[Any], settle: Callable[[], object]) -> None:
    if not future.done():
        settle()


def _owned_task(loop: asyncio.AbstractEventLoop, coro: Any, **more: Any) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **more)
    if (owner := OWNER.get()) is not None:
        owner.tasks[task] = None
        task.add_done_callback(lambda done: owner.tasks.pop(done, None))
    return task
