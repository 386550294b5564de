"""The SIP library's runtime, looked after on its own thread."""

import asyncio
import contextlib
from typing import Any

from aws_lambda_powertools import Logger
from baresip._native import lib
from baresip.errors import BaresipError
from baresip.events import Event, StackEvent

from media.telephony.given_up_calls import end_given_up_calls
from media.telephony.media_sources import MediaSources
from media.telephony.native_calls import library_calls, media_of
from media.telephony.sequence_jumps import SequenceJumps
from media.telephony.timed_runtime import TimedRuntime

__all__ = ["TidyRuntime"]

LOOK_SECONDS = 0.5
_FIRST_EVENTS = {Event.CALL_REMOTE_SDP, Event.CALL_LOCAL_SDP, Event.CALL_OUTGOING}
"""What the library tells of a call before it is sure that there will be one."""

logger = Logger(child=True)


class TidyRuntime(TimedRuntime):
    """Looks after all calls whenever one begins and twice a second: ends those given up, narrows where media may come
    from, and has a call heard on whose packets are counted anew."""

    def __init__(self) -> None:
        super().__init__()
        self._begun = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self._sources, self._jumps = MediaSources(), SequenceJumps()
        self._ended = 0

    async def start(self, config: Any = None) -> None:
        """As the library's."""
        await super().start(config)
        self.subscribe(self._on_event)
        self._looking = asyncio.create_task(self._look_on())

    async def close(self) -> None:
        """As the library's, with nothing left that it would free twice."""
        if self._looking:
            self._looking.cancel()
            await asyncio.wait({self._looking})
            await self._look()
        await super().close()

    def _on_event(self, event: StackEvent) -> None:
        if event.event in _FIRST_EVENTS:
            self._begun.set()

    async def _look_on(self) -> None:
        while True:
            # not wait_for: Python 3.11's takes a cancellation for the end of the wait when both come at once
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._begun.wait()
            self._begun.clear()
            await self._look()

    async def _look(self) -> None:
        """Have the library's thread do it: it answers a ping between two pieces of work."""
        with contextlib.suppress(BaresipError):
            await self.cmd(lib.BP_CMD_PING)
        if self._ended:
            logger.info("given_up_calls_ended", calls=self._ended)
            self._ended = 0

    def _on_native_event(self, ev: int, handle: int, payload: bytes | None) -> None:
        if ev == lib.BP_EV_PONG:
            self._ended += end_given_up_calls()
            calls = {call: media for _, call in library_calls() if (media := media_of(call))}
            self._sources.look(calls)
            self._jumps.look(calls)
        super()._on_native_event(ev, handle, payload)
