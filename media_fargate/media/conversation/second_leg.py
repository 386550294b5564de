"""Calling whom the caller is to be connected with, while the caller hears it ring."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from media.conversation.playout import Playout
from media.conversation.tones import play_ringback
from media.telephony.causes import outcome_of_status
from media.telephony.leg import CallLeg, LegAnswered, LegClosed, TransferOutcome
from media.telephony.transfer_route import SecondLeg
from media.telephony.user_agents import DialRefusedError

__all__ = ["RING_SECONDS", "DialSecondLeg", "SecondLegFailedError", "ring"]

RING_SECONDS = 30.0
_GIVE_UP_SECONDS = 6.0
"""The SIP stack itself gives up on a command after five."""

DialSecondLeg = Callable[[SecondLeg], Awaitable[CallLeg]]
"""Sends the INVITE. Raises DialRefusedError."""


class SecondLegFailedError(Exception):
    """Nobody took the call."""

    def __init__(self, outcome: TransferOutcome) -> None:
        super().__init__(outcome.value)
        self.outcome = outcome


async def ring(second: SecondLeg, dial: DialSecondLeg, caller: CallLeg, speaker: Playout) -> CallLeg:
    """The answered second leg. It is hung up when this is cancelled, which is what the caller's hang-up comes to.

    Raises SecondLegFailedError.
    """
    leg: CallLeg | None = None
    answered = False
    try:
        async with _ringback(caller, speaker):
            leg = await _dialled(second, dial)
            async with asyncio.timeout(RING_SECONDS):
                await _until_answered(leg)
        answered = True  # only now: cancelled while the tone ends, nobody else would know of the leg
    except TimeoutError:
        raise SecondLegFailedError(TransferOutcome.NO_ANSWER) from None
    finally:
        if leg is not None and not answered:
            await _give_up(leg)
    return leg


async def _dialled(second: SecondLeg, dial: DialSecondLeg) -> CallLeg:
    """A phone that rings must be known: cancelled while the INVITE goes out, this waits for the leg and ends it."""
    dialling = asyncio.ensure_future(dial(second))
    try:
        return await asyncio.shield(dialling)
    except DialRefusedError:
        raise SecondLegFailedError(TransferOutcome.FAILED) from None
    except asyncio.CancelledError:
        await asyncio.wait({dialling}, timeout=_GIVE_UP_SECONDS)
        if dialling.done() and not dialling.cancelled() and dialling.exception() is None:
            await _give_up(dialling.result())
        raise


async def _until_answered(leg: CallLeg) -> None:
    """Early media is no answer: what comes with a 183 is not heard."""
    while True:
        event = await leg.events.get()
        if isinstance(event, LegAnswered):
            return
        if isinstance(event, LegClosed):
            raise SecondLegFailedError(outcome_of_status(event.sip_code))


async def _give_up(leg: CallLeg) -> None:
    await asyncio.wait({asyncio.ensure_future(leg.hang_up())}, timeout=_GIVE_UP_SECONDS)


@asynccontextmanager
async def _ringback(caller: CallLeg, speaker: Playout) -> AsyncIterator[None]:
    tone = asyncio.create_task(play_ringback(caller, speaker))
    try:
        yield
    finally:
        tone.cancel()
        await asyncio.wait({tone})
