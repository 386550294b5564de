"""Keeps the minutes of a metered call paid for while it runs, and ends it when they are used up."""

import asyncio
from collections.abc import Awaitable, Callable

from aws_lambda_powertools import Logger

from sovereign.credits.store import FIRST_MINUTES

__all__ = ["WARNING_SECONDS", "CreditWatch", "ExtendCredits"]

WARNING_SECONDS = 30.0
"""How long before the end the parties are told."""
MARGIN_SECONDS = 2.0
"""The call ends this long before its last paid minute does: the clock of the bill starts with the answer, a little
before ours, and a minute nobody paid for must not be started."""
SHORTEST_NOTICE_SECONDS = 8.0
"""Time to hear the warning when the table told only late that there is no more."""
RETRY_SECONDS = 5.0
_MINUTE = 60.0

ExtendCredits = Callable[[int], Awaitable[bool]]
"""Make the reservation cover so many minutes in all; False when the balance does not suffice. May raise when the table
cannot be reached."""

logger = Logger(child=True)


class CreditWatch:
    """Reserves one minute more as each minute starts. Refused, it warns 30 s before the end of what is paid for, asks
    once more then (somebody may have added minutes), and ends the call."""

    def __init__(self, call_id: str, extend: ExtendCredits) -> None:
        self._call_id = call_id
        self._extend = extend
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        self._covered = FIRST_MINUTES

    async def run(self, warn: Callable[[], None], end: Callable[[], None]) -> None:
        """Until the minutes are used up, or cancelled; run again it goes on where it was, with others to tell."""
        while await self._extended((self._covered - 1) * _MINUTE) or await self._extended(
            self._covered * _MINUTE - WARNING_SECONDS
        ):
            self._covered += 1
        logger.info("credits_used_up", call_id=self._call_id, minutes=self._covered)
        warn()
        warned = self._loop.time() - self._started
        await self._until(max(self._covered * _MINUTE - MARGIN_SECONDS, warned + SHORTEST_NOTICE_SECONDS))
        end()

    async def _extended(self, at: float) -> bool:
        """Ask for one minute more at a moment of the call. While the table gives no answer the call goes on: a node
        that cannot reach it ends its calls by itself."""
        await self._until(at)
        while True:
            try:
                return await self._extend(self._covered + 1)
            except Exception as failure:  # noqa: BLE001 - whatever it is, it is neither a yes nor a no
                logger.warning("credits_not_extended", call_id=self._call_id, exception_name=type(failure).__name__)
                await asyncio.sleep(RETRY_SECONDS)

    async def _until(self, second: float) -> None:
        await asyncio.sleep(max(0.0, self._started + second - self._loop.time()))
