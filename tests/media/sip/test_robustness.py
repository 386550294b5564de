"""What real networks and hostile senders do to a call: codecs, holds, renegotiation, loss, jitter, and nonsense."""

import asyncio
import math
import random
import struct
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from media.telephony.baresip_leg import BaresipLeg
from media.telephony.leg import LegAnswered, LegClosed, LegClosedBy

from .conftest import Station, next_event
from .nonsense import fuzzed_bodies, torture
from .raw_phone import PAYLOAD_TYPES, Line, RawPhone

LONGEST_GAP_SECONDS = 0.12
"""Between two packets of ours, on a test machine that others use too."""


def tone(rate: int, seconds: float) -> bytes:
    values = (int(8000 * math.sin(2 * math.pi * 440 * n / rate)) for n in range(int(rate * seconds)))
    return struct.pack(f"<{int(rate * seconds)}h", *values)


def loud(pcm: bytes) -> int:
    """How many samples belong to the tone rather than to silence."""
    return sum(abs(sample) > 500 for (sample,) in struct.iter_unpack("<h", pcm))


@pytest.fixture
async def phone(station: Station) -> AsyncIterator[RawPhone]:
    opened = await RawPhone(station.port).open()
    yield opened
    opened.close()


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


async def listen(leg: BaresipLeg, work: "asyncio.Future[int]") -> bytes:
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


@pytest.mark.parametrize("codec", PAYLOAD_TYPES)
async def test_tone_is_heard_in_both_directions(station: Station, phone: RawPhone, codec: str) -> None:
    leg = await connected(station, phone, codec)
    assert leg.sample_rate == (16000 if codec == "G722" else 8000)
    payloads = await recorded(leg, phone, codec)
    assert len(payloads) >= 40
    heard = await listen(leg, asyncio.ensure_future(phone.play(payloads, codec)))
    assert loud(heard) > 0.6 * leg.sample_rate
    assert (await phone.ask("BYE")).startswith("SIP/2.0 200")
    assert await next_event(leg) == LegClosed(LegClosedBy.PEER)


@pytest.mark.parametrize(("first", "then"), [("PCMU", "PCMA"), ("PCMU", "G722"), ("G722", "PCMA")])
async def test_codec_changes_in_mid_call(station: Station, phone: RawPhone, first: str, then: str) -> None:
    leg = await connected(station, phone, first)
    rate = leg.sample_rate
    assert len(await recorded(leg, phone, first)) >= 40
    assert (await phone.ask("INVITE", phone.sdp(then))).startswith("SIP/2.0 200")
    await speak(leg, 0.4)
    payloads = await recorded(leg, phone, then)
    assert len(payloads) >= 40
    heard = await listen(leg, asyncio.ensure_future(phone.play(payloads, then)))
    assert leg.sample_rate == rate
    assert loud(heard) > 0.5 * rate


async def test_call_goes_on_after_a_hold(station: Station, phone: RawPhone) -> None:
    leg = await connected(station, phone, "PCMU")
    payloads = await recorded(leg, phone, "PCMU")
    assert (await phone.ask("INVITE", phone.sdp("PCMU", direction="sendonly"))).startswith("SIP/2.0 200")
    await asyncio.sleep(0.5)
    assert not leg.is_closed
    assert (await phone.ask("INVITE", phone.sdp("PCMU"))).startswith("SIP/2.0 200")
    await speak(leg, 0.4)
    assert len(await recorded(leg, phone, "PCMU")) >= 40
    heard = await listen(leg, asyncio.ensure_future(phone.play(payloads, "PCMU")))
    assert loud(heard) > 0.6 * leg.sample_rate


@pytest.mark.parametrize(
    "line", [Line(0.02), Line(0.05), Line(0.0, 0.03), Line(0.05, 0.03)], ids=["2%", "5%", "late", "5% and late"]
)
async def test_what_a_bad_line_lets_through_is_heard(line: Line) -> None:
    station = Station(jitter_ms=(20, 200))
    await station.start()
    phone = await RawPhone(station.port).open()
    try:
        leg = await connected(station, phone, "PCMU")
        payloads = (await recorded(leg, phone, "PCMU") * 6)[:250]
        sending = asyncio.ensure_future(phone.play(payloads, "PCMU", line))
        heard = await listen(leg, sending)
        # lost packets are gone, but of the others next to nothing
        assert len(heard) / 320 >= 0.93 * sending.result()
        assert not leg.is_closed
    finally:
        phone.close()
        await station.endpoint.close()


async def test_refer_is_refused(station: Station, phone: RawPhone) -> None:
    leg = await connected(station, phone, "PCMU")
    await phone.ask("REFER", extra="Refer-To: <sip:+31900123456@127.0.0.1:9>\r\n")
    async with asyncio.timeout(5):
        while "603" not in (notified := await phone.requests.get()):
            assert notified.startswith("NOTIFY")
    assert not leg.is_closed


@pytest.mark.parametrize("kind", ["torture", "bodies"])
async def test_nonsense_disturbs_no_call(station: Station, phone: RawPhone, kind: str) -> None:
    leg = await connected(station, phone, "PCMU")
    chance = random.Random(4475)
    valid = RawPhone(station.port)
    valid.port, valid.rtp_port = 9, 9
    sent = {
        "torture": lambda: torture(station.port),
        "bodies": lambda: fuzzed_bodies(valid, 200, chance),
    }[kind]()
    speaking = asyncio.ensure_future(speak(leg, max(3.0, len(sent) / 400)))
    await asyncio.sleep(0.5)
    del phone.packets[:]
    stranger = await RawPhone(station.port).open()
    for place, datagram in enumerate(sent):
        stranger.send(datagram)
        if place % 10 == 9:
            await asyncio.sleep(0.02)
            while not station.invites.empty():  # some of it is a call after all
                await station.invites.get_nowait().leg.reject()
    stranger.close()
    await speaking
    gaps = [later.at - earlier.at for earlier, later in pairwise(phone.packets)]
    assert max(gaps) < LONGEST_GAP_SECONDS
    assert len(phone.packets) * 0.02 > 1.5
    assert not leg.is_closed
    assert (await phone.ask("BYE")).startswith("SIP/2.0 200")
    another = await RawPhone(station.port).open()
    while not station.invites.empty():
        await station.invites.get_nowait().leg.reject()
    await connected(station, another, "PCMU")
    another.close()
