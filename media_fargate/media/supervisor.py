"""Keeps the media processes running. One whose SIP stack died cannot be repaired, only replaced."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Protocol

from aws_lambda_powertools import Logger

__all__ = ["EXIT_CONFIGURATION", "Child", "Spawn", "Supervisor", "spawn_media_process"]

EXIT_CONFIGURATION = 3
"""Exit code of a process that cannot start as it is configured: starting it again would not help."""

EXIT_NOT_STARTED = -1
"""Stands for the exit code of a process that the system could not start."""

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A process that has run for so long starts over with the first pause."""

logger = Logger(child=True)


class Child(Protocol):
    """What is used of a subprocess."""

    @property
    def returncode(self) -> int | None:
        """None while it runs."""

    async def wait(self) -> int:
        """Wait for its end; its exit code."""

    def send_signal(self, sig: int) -> None:
        """Signal it."""


Spawn = Callable[[int], Awaitable[Child]]


async def spawn_media_process(index: int) -> Child:
    """Start media process `index`."""
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "media.server", str(index))


class Supervisor:
    """Runs `count` children, replaces those that end, and stops them all when asked."""

    def __init__(self, count: int, spawn: Spawn = spawn_media_process) -> None:
        self._count = count
        self._spawn = spawn
        self._children: dict[int, Child] = {}
        self._stopping = asyncio.Event()
        self._exit_code = 0

    async def run(self) -> int:
        """Until `stop`, or until a child is found to be configured wrongly; the exit code to end with."""
        async with asyncio.TaskGroup() as group:
            for index in range(self._count):
                group.create_task(self._keep(index))
        return self._exit_code

    def stop(self) -> None:
        """Ask every child to drain and end; `run` returns when they have."""
        self._stopping.set()
        for child in self._children.values():
            _terminate(child)

    async def _keep(self, index: int) -> None:
        pause = FIRST_PAUSE_SECONDS
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            started = loop.time()
            code = await self._run_once(index)
            if self._stopping.is_set():
                if code:
                    logger.error("media_process_ended", index=index, exit_code=code)
                return
            if code == EXIT_CONFIGURATION:
                self._exit_code = code
                self.stop()
                return
            if code == 0 or loop.time() - started >= STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            logger.error("media_process_ended", index=index, exit_code=code, restart_seconds=pause)
            await self._sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _run_once(self, index: int) -> int:
        try:
            child = await self._spawn(index)
        except OSError as failed:  # e.g. no memory left to fork: the others go on meanwhile
            logger.error("media_process_not_started", index=index, error=failed.strerror)  # noqa: TRY400
            return EXIT_NOT_STARTED
        self._children[index] = child
        if self._stopping.is_set():  # asked to stop while it was being started
            _terminate(child)
        try:
            return await child.wait()
        finally:
            del self._children[index]

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return


def _terminate(child: Child) -> None:
    if child.returncode is None:
        child.send_signal(signal.SIGTERM)
