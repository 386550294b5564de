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

    for name in ("start", "close", "cmd"):
        monkeypatch.setattr(timed_runtime.Runtime, name, done)
    return TidyRuntime()


@pytest.mark.parametrize("turns", range(6))
async def test_close_ends_the_look_when_a_call_begins_at_that_moment(runtime: TidyRuntime, turns: int) -> None:
    await runtime.start()
    await asyncio.sleep(0.01)  # it waits for the next call
    runtime._on_event(SimpleNamespace(event=Event.CALL_OUTGOING))
    for _ in range(turns):
        await asyncio.sleep(0)
    async with asyncio.timeout(2):
        await runtime.close()
