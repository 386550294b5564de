"""What real networks do to a call: codecs, holds, renegotiation, loss and jitter."""

import asyncio

import pytest

from media.telephony.leg import LegClosed, LegClosedBy

from .conftest import Station, next_event
from .raw_phone import PAYLOAD_TYPES, Line, RawPhone
from .talking import connected, listen, loud, recorded, speak


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
