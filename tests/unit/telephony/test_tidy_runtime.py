"""The look after the library's calls ends with the runtime, whatever happens in that moment."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from baresip.events import Event

from media.telephony import timed_runtime
from media.telephony.tidy_runtime import TidyRuntime


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> TidyRuntime:
    """One whose library starts and stops at once, and does what it is told."""

    async def done(*_arguments: Any, **_named: Any) -> None:
        await asyncio.sleep(0)

    async def answered(*_arguments: Any, **_named: Any) -> str:
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        loop.call_soon(answer.set_result, "answer")
        return str(await asyncio.wait_for(answer, 1))  # noqa: TID251 - as the library does

    for name in ("start", "close"):
        monkeypatch.setattr(timed_runtime.Runtime, name, done)
    monkeypatch.setattr(timed_runtime.Runtime, "cmd", answered)
    return TidyRuntime()


@pytest.mark.parametrize("turns", range(10))
async def test_close_ends_the_look_when_a_call_begins_at_that_moment(runtime: TidyRuntime, turns: int) -> None:
    await runtime.start()
    await asyncio.sleep(0.01)  # it waits for the next call
    runtime._on_event(SimpleNamespace(event=Event.CALL_OUTGOING))
    for _ in range(turns):
        await asyncio.sleep(0)
    async with asyncio.timeout(2):
        await runtime.close()


@pytest.mark.parametrize("turns", range(5))
async def test_a_command_that_is_answered_as_it_is_cancelled_is_cancelled(runtime: TidyRuntime, turns: int) -> None:
    command = asyncio.create_task(runtime.cmd(1))
    for _ in range(turns):
        await asyncio.sleep(0)
    command.cancel()
    await asyncio.wait({command})
    assert command.cancelled() or turns == 4, "nothing but an answer that was there before the cancellation is given"


async def test_a_command_is_answered(runtime: TidyRuntime) -> None:
    assert await runtime.cmd(1) == "answer"
