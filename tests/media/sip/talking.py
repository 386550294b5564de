"""Calls of a raw phone with the station, and the sound in them."""

import asyncio
import contextlib
import math
import struct
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import TypeVar

from media.telephony.baresip_leg import BaresipLeg
from media.telephony.leg import LegAnswered

from .conftest import Station, next_event
from .raw_phone import PAYLOAD_TYPES, RawPhone

LONGEST_GAP_SECONDS = 0.12
"""Between two packets of ours, on a test machine that others use too."""
Done = TypeVar("Done")


def tone(rate: int, seconds: float) -> bytes:
    values = (int(8000 * math.sin(2 * math.pi * 440 * n / rate)) for n in range(int(rate * seconds)))
    return struct.pack(f"<{int(rate * seconds)}h", *values)


def loud(pcm: bytes) -> int:
    """How many samples belong to the tone rather than to silence."""
    return sum(abs(sample) > 500 for (sample,) in struct.iter_unpack("<h", pcm))


async def connected(station: Station, phone: RawPhone, *codecs: str, extra: str = "") -> BaresipLeg:
    """A call from the phone, answered."""
    calling = asyncio.ensure_future(phone.ask("INVITE", phone.sdp(*codecs), extra=extra))
    leg = (await station.invite()).leg
    await leg.answer()
    assert (await calling).startswith("SIP/2.0 200")
    assert await next_event(leg) == LegAnswered()
    return leg


async def speak(leg: BaresipLeg, seconds: float) -> None:
    """Keep a tone playing to the phone."""
    part = tone(leg.sample_rate, 0.2)
    for _ in range(int(seconds / 0.2)):
        leg.write(part)
        await asyncio.sleep(0.2)


async def listen(leg: BaresipLeg, work: "asyncio.Future[Done]") -> bytes:
    """What is heard while something goes on, and a little longer."""
    pcm = b""
    while not work.done():
        pcm += leg.read()
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    return pcm + leg.read()


async def recorded(leg: BaresipLeg, phone: RawPhone, codec: str, seconds: float = 1.0) -> list[bytes]:
    """A tone as the codec has it: what our own side sends of it."""
    del phone.packets[:]
    await speak(leg, seconds)
    return [packet.payload for packet in phone.packets if packet.payload_type == PAYLOAD_TYPES[codec]]


@contextlib.asynccontextmanager
async def undisturbed(station: Station, phone: RawPhone) -> AsyncIterator[BaresipLeg]:
    """A call of the phone whose packets go on coming at their pace, and that can be ended as any other."""
    leg = await connected(station, phone, "PCMU")
    speaking = asyncio.ensure_future(speak(leg, 3600))
    await asyncio.sleep(0.5)
    del phone.packets[:]
    began = asyncio.get_running_loop().time()
    yield leg
    took = asyncio.get_running_loop().time() - began
    speaking.cancel()
    assert max(later.at - earlier.at for earlier, later in pairwise(phone.packets)) < LONGEST_GAP_SECONDS
    assert len(phone.packets) * 0.02 > 0.95 * took - LONGEST_GAP_SECONDS
    assert not leg.is_closed
    assert (await phone.ask("BYE")).startswith("SIP/2.0 200")
