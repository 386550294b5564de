"""Encrypted audio: what is offered, what is taken, and what is refused, seen on the wire."""

import asyncio
import math
import re
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest

from media.telephony.baresip_leg import BaresipLeg
from media.telephony.leg import NOT_ENCRYPTED, LegAnswered, LegClosed, LegClosedBy, LegRinging

from .conftest import Peer, Station, next_event
from .raw_phone import RawPhone

TONE = struct.pack("<8000h", *(int(8000 * math.sin(2 * math.pi * 440 * n / 8000)) for n in range(8000)))
KEY = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n"
PLAIN_BYTES, TAG_BYTES = 160, 10
"""20 ms of G.711, and what authentication adds to it."""


@pytest.fixture
async def encrypting() -> AsyncIterator[Station]:
    """A station that encrypts calls in where that is offered."""
    started = Station(encrypts_calls_in=True)
    await started.start()
    yield started
    await started.endpoint.close()


async def loudest(leg: BaresipLeg, seconds: float = 1.0) -> int:
    pcm = b""
    for _ in range(int(seconds / 0.02)):
        pcm += leg.read()
        await asyncio.sleep(0.02)
    return max((abs(sample) for (sample,) in struct.iter_unpack("<h", pcm)), default=0)


@pytest.mark.parametrize("srtp", ["optional", "required"])
async def test_encrypted_call_out_carries_audio_both_ways(station: Station, encrypting_peer: Peer, srtp: str) -> None:
    await encrypting_peer.policy("echo")
    leg = await station.dial(encrypting_peer.address, srtp=srtp)
    assert [await next_event(leg), await next_event(leg)] == [LegRinging(), LegAnswered()]
    leg.write(TONE)
    assert await loudest(leg) > 7000
    await leg.hang_up()


@pytest.mark.parametrize("srtp", ["optional", "required"])
async def test_encrypted_call_in_is_taken_by_a_trunk_that_requires_it(
    encrypting: Station, peer: Peer, srtp: str
) -> None:
    await peer.do(
        "dial", address=encrypting.address, number="+31201234567", caller="+31612345678", srtp=srtp, echo=True
    )
    leg = (await encrypting.invite()).leg
    await leg.answer(encrypted_only=True)
    assert await next_event(leg) == LegAnswered()
    leg.write(TONE)
    assert await loudest(leg) > 7000
    await leg.hang_up()


async def test_plain_call_in_is_ended_at_once_by_a_trunk_that_requires_encryption(
    encrypting: Station, peer: Peer
) -> None:
    await peer.do("dial", address=encrypting.address, number="+31201234567", caller="+31612345678")
    leg = (await encrypting.invite()).leg
    await leg.answer(encrypted_only=True)
    assert await next_event(leg) == LegClosed(LegClosedBy.FAILED, detail=NOT_ENCRYPTED)
    assert (await peer.event("LegClosed"))["by"] == "peer"
    assert leg.read() == b""


@pytest.mark.parametrize(
    ("offered", "profile", "keys", "encrypted"),
    [
        (True, "RTP/SAVP", KEY, True),
        (True, "RTP/AVP", KEY, True),
        (True, "RTP/AVP", "", False),
        (False, "RTP/AVP", KEY, False),
        (False, "RTP/AVP", "", False),
    ],
)
async def test_what_is_offered_and_allowed_decides_how_packets_look(
    offered: bool, profile: str, keys: str, encrypted: bool
) -> None:
    station = Station(encrypts_calls_in=offered)
    await station.start()
    phone = await RawPhone(station.port).open()
    try:
        asked = asyncio.create_task(phone.ask("INVITE", phone.sdp("PCMU").replace("RTP/AVP", profile) + keys))
        leg = (await station.invite()).leg
        await leg.answer()
        answer = await asked
        assert re.search(rf"(?m)^m=audio \d+ {profile} ", answer)
        # the stack names a key to plain callers as well, so it is allowed to name any only where that is wanted
        assert bool(re.search(r"(?m)^a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:", answer)) is offered
        assert await next_event(leg) == LegAnswered()
        leg.write(TONE)
        await asyncio.sleep(0.3)
        assert {len(packet.payload) for packet in phone.packets} == {PLAIN_BYTES + TAG_BYTES * encrypted}
        await phone.ask("BYE")
    finally:
        phone.close()
        await station.endpoint.close()


async def test_caller_who_takes_encrypted_audio_only_is_refused_where_none_is_allowed(station: Station) -> None:
    phone = await RawPhone(station.port).open()
    answer = await phone.ask("INVITE", phone.sdp("PCMU").replace("RTP/AVP", "RTP/SAVP") + KEY)
    phone.close()
    assert answer.startswith("SIP/2.0 488 ")


async def test_required_offers_nothing_but_srtp_and_is_refused_by_who_has_none(station: Station) -> None:
    async with Answerer(488) as far_end:
        leg = await station.dial(far_end.address, srtp="required")
        closed = await next_event(leg)
    assert isinstance(closed, LegClosed)
    assert (closed.by, closed.sip_code) == (LegClosedBy.FAILED, 488)
    assert re.search(r"(?m)^m=audio \d+ RTP/SAVP ", far_end.offers[0])
    assert "a=crypto:1 " in far_end.offers[0]


@pytest.mark.parametrize("profile", ["RTP/AVP", "RTP/SAVP"])
async def test_far_end_that_answers_required_without_a_key_is_hung_up_on(station: Station, profile: str) -> None:
    async with Answerer(200, profile) as far_end:
        leg = await station.dial(far_end.address, srtp="required")
        closed = await next_event(leg)
    assert isinstance(closed, LegClosed)
    assert closed.by is LegClosedBy.FAILED


async def test_optional_offers_keys_with_plain_rtp_and_takes_a_plain_answer(station: Station) -> None:
    async with Answerer(200, "RTP/AVP") as far_end:
        leg = await station.dial(far_end.address, srtp="optional")
        assert await next_event(leg) == LegAnswered()
        await leg.hang_up()
    assert re.search(r"(?m)^m=audio \d+ RTP/AVP ", far_end.offers[0])
    assert "a=crypto:1 " in far_end.offers[0]


class Answerer(asyncio.DatagramProtocol):
    """A far end that answers every INVITE with one status and profile, never with a key; it keeps what was offered."""

    def __init__(self, status: int, profile: str = "") -> None:
        self._status, self._profile = status, profile
        self.offers: list[str] = []

    async def __aenter__(self) -> "Answerer":
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self.address = "127.0.0.1:{}".format(self._transport.get_extra_info("sockname")[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.sleep(0.1)  # the ACK and the BYE of what is over
        self._transport.close()

    def datagram_received(self, data: bytes, source: Any) -> None:
        head, _, body = data.decode().partition("\r\n\r\n")
        method = head.partition(" ")[0]
        if method == "ACK":
            return
        status, profile = 200, ""
        if method == "INVITE":
            self.offers.append(body)
            status, profile = self._status, self._profile
        lines = [line for line in head.split("\r\n") if re.match(r"(?i)(via|from|call-id|cseq):", line)]
        lines += [re.sub(r"$", ";tag=far", line) for line in head.split("\r\n") if re.match(r"(?i)to:", line)]
        sdp = (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio 40000 {profile} 0\r\na=rtpmap:0 PCMU/8000\r\n"
            if profile
            else ""
        )
        lines += [f"Contact: <sip:far@{self.address}>"] + ["Content-Type: application/sdp"] * bool(sdp)
        reply = "\r\n".join([f"SIP/2.0 {status} Answer", *lines, f"Content-Length: {len(sdp)}", "", sdp])
        self._transport.sendto(reply.encode(), source)
