"""Waiting for something while the far end may hang up."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from media.telephony.leg import CallLeg, LegClosed, LegEvent

__all__ = ["LegGoneError", "next_of", "or_gone"]

T = TypeVar("T")


class LegGoneError(Exception):
    """The leg closed before what was waited for had happened."""

    def __init__(self, closed: LegClosed) -> None:
        super().__init__("the leg is closed")
        self.closed = closed


async def next_of(leg: CallLeg, kind: type[T]) -> T:
    """The leg's next event of a kind, others are passed over. Raises LegGoneError."""
    while True:
        event: LegEvent = await leg.events.get()
        if isinstance(event, LegClosed):
            raise LegGoneError(event)
        if isinstance(event, kind):
            return event


async def or_gone(leg: CallLeg, awaitable: Awaitable[T]) -> T:
    """The awaitable's result; it is cancelled and LegGoneError raised when the leg closes first."""
    work = asyncio.ensure_future(awaitable)
    gone = asyncio.ensure_future(next_of(leg, LegClosed))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            gone.result()  # raises LegGoneError
        return work.result()
    finally:
        for task in (work, gone):
            task.cancel()
        await asyncio.gather(work, gone, return_exceptions=True)
