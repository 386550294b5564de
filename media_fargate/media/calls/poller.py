"""The one loop of a process that reads and feeds all legs."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from aws_lambda_powertools import Logger

from media.audio.vad import VoiceActivity

POLL_SECONDS = 0.01
"""Half a packet: audio waits 5 ms on average, and a hundred calls cost a few hundred cheap calls per turn."""
TURN_SECONDS = 0.001
"""How long a round keeps the event loop at a time: forty calls take several milliseconds, and what becomes due in one
of these turns runs after the next."""

logger = Logger(child=True)


class Pollable(Protocol):
    """Something with a leg to be served. Neither method may block or wait."""

    def poll(self, now: float) -> None:
        """Read what arrived, write what is due; `now` is the event loop's clock."""

    def poll_failed(self, failure: Exception) -> None:
        """`poll` raised; it is not called again."""


class Poller:
    """Serves every registered call each 10 ms and wakes the voice detector once a round."""

    def __init__(self, detector: VoiceActivity, interval: float = POLL_SECONDS) -> None:
        self._kick: Callable[[], None] = detector.kick
        self._interval = interval
        self._calls: dict[Pollable, None] = {}
        self._occupied = asyncio.Event()

    def add(self, call: Pollable) -> None:
        """Serve a call from the next round on."""
        self._calls[call] = None
        self._occupied.set()

    def remove(self, call: Pollable) -> None:
        """Stop serving a call; it may not be registered."""
        self._calls.pop(call, None)

    async def run(self) -> None:
        """Serve until cancelled; sleeps while there is no call."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if not self._calls:
                self._occupied.clear()
                await self._occupied.wait()
                due = loop.time()
            await self._round(loop.time)
            # a late round does not make the next ones hurry
            due = max(due + self._interval, loop.time())
            await asyncio.sleep(due - loop.time())

    async def _round(self, time: Callable[[], float]) -> None:
        turn_ends = time() + TURN_SECONDS
        for call in list(self._calls):
            now = time()
            if now > turn_ends:
                await asyncio.sleep(0)
                now = time()
                turn_ends = now + TURN_SECONDS
            if call in self._calls:  # it can end in another's turn
                self._serve(call, now)
        self._kick()

    def _serve(self, call: Pollable, now: float) -> None:
        try:
            call.poll(now)
        except Exception as failure:  # one call's defect must not silence the others
            self.remove(call)
            logger.exception("poll_failed", exception_name=type(failure).__name__)
            call.poll_failed(failure)
