"""The supervisor as the container runs it: a process with children, told what to do by signals."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from media.supervisor import EXIT_CONFIGURATION

PROGRAM = Path(__file__).with_name("supervised.py")
ROOT = Path(__file__).parents[3]
WAIT_SECONDS = 30


class Running:
    """The supervisor's process and what it and its children have said."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[str] = []

    async def says(self, *lines: str) -> None:
        """Wait until each line has been said so often as it is given."""
        assert self.process.stdout
        async with asyncio.timeout(WAIT_SECONDS):
            while any(sum(said.startswith(line) for said in self.said) < lines.count(line) for line in lines):
                self.said.append(await self._next())

    async def end(self) -> int:
        """Its exit code; what was still said is kept."""
        assert self.process.stdout
        async with asyncio.timeout(WAIT_SECONDS):
            rest = await self.process.stdout.read()
            self.said += rest.decode().splitlines()
            return await self.process.wait()

    async def _next(self) -> str:
        assert self.process.stdout
        line = await self.process.stdout.readline()
        if not line:
            raise AssertionError(f"it ended having said {self.said}")
        return line.decode().strip()


Start = Callable[[str, str], Awaitable[Running]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    running: list[Running] = []

    async def started(*orders: str) -> Running:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(PROGRAM),
            *orders,
            stdout=asyncio.subprocess.PIPE,
            env={"PYTHONPATH": f"{ROOT}/media_fargate:{ROOT}/layers/shared/python", "PATH": ""},
            start_new_session=True,
        )
        running.append(Running(process))
        return running[-1]

    yield started
    for one in running:
        with suppress(ProcessLookupError):  # its children are of its group: none is left to hold the pipe open
            os.killpg(one.process.pid, signal.SIGKILL)
        await one.process.wait()


@pytest.mark.parametrize("received", [signal.SIGTERM, signal.SIGINT])
async def test_stop_signal_reaches_every_child_and_waits_for_it_to_drain(start: Start, received: int) -> None:
    supervisor = await start("drain", "drain")
    await supervisor.says("drain ready", "drain ready")
    supervisor.process.send_signal(received)
    assert await supervisor.end() == 0
    assert supervisor.said.count("drain draining") == 2
    assert supervisor.said.count("drain finished") == 2


async def test_killed_child_is_started_again_while_the_other_goes_on(start: Start) -> None:
    supervisor = await start("die", "drain")
    await supervisor.says("die started", "die started", "drain ready")
    supervisor.process.terminate()
    assert await supervisor.end() == 0
    assert sum(line.startswith("drain started") for line in supervisor.said) == 1
    assert "drain finished" in supervisor.said


async def test_misconfigured_child_ends_everything_with_its_exit_code(start: Start) -> None:
    supervisor = await start("drain", "misconfigured")
    assert await supervisor.end() == EXIT_CONFIGURATION
    assert sum(line.startswith("misconfigured started") for line in supervisor.said) == 1
