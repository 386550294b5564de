"""Calls between two real SIP stacks on loopback."""

import asyncio
import math
import socket
import struct

import pytest

from media.telephony.addresses import called_number, caller_number
from media.telephony.baresip_leg import BaresipLeg, LegRefusedError
from media.telephony.endpoint import EndpointConfig, EndpointError, SipEndpoint
from media.telephony.leg import (
    LegAnswered,
    LegClosed,
    LegClosedBy,
    LegDigit,
    LegHeld,
    LegResumed,
    LegRinging,
    TransferOutcome,
)

from .conftest import RTP_PORTS, Peer, Station, free_port, next_event

TONE = struct.pack("<8000h", *(int(8000 * math.sin(2 * math.pi * 440 * n / 8000)) for n in range(8000)))


async def answered_by(station: Station, peer: Peer, policy: str = "answer") -> BaresipLeg:
    await peer.policy(policy)
    leg = await station.dial(peer.address)
    assert await next_event(leg) == LegRinging()
    assert await next_event(leg) == LegAnswered()
    await peer.event("LegAnswered")
    return leg


async def answered_from(
    station: Station, peer: Peer, transport: str = "udp", number: str = "+31201234567"
) -> BaresipLeg:
    await peer.do("dial", address=station.address, transport=transport, number=number, caller="+31612345678")
    invite = await station.invite()
    await invite.leg.answer()
    assert await next_event(invite.leg) == LegAnswered()
    await peer.event("LegAnswered")
    return invite.leg


async def heard(leg: BaresipLeg, seconds: float) -> bytes:
    pcm = b""
    for _ in range(int(seconds / 0.02)):
        pcm += leg.read()
        await asyncio.sleep(0.02)
    return pcm


def loudest(pcm: bytes) -> int:
    return max((abs(sample) for (sample,) in struct.iter_unpack("<h", pcm)), default=0)


async def test_outbound_call_echoes_what_is_played(station: Station, peer: Peer) -> None:
    leg = await answered_by(station, peer, "echo")
    assert leg.sample_rate == 8000
    assert leg.write(TONE) == len(TONE)
    assert leg.queued_bytes > 0
    pcm = await heard(leg, 1.0)
    assert loudest(pcm) > 7000
    await leg.hang_up()
    assert await next_event(leg) == LegClosed(LegClosedBy.US)
    assert (await peer.event("LegClosed"))["by"] == "peer"
    assert leg.read() == b""
    assert leg.write(TONE) == 0


async def test_flush_stops_what_is_queued(station: Station, peer: Peer) -> None:
    leg = await answered_by(station, peer, "echo")
    leg.write(TONE)
    await asyncio.sleep(0.1)
    assert leg.flush() > len(TONE) // 2
    await asyncio.sleep(0.2)
    leg.read()
    assert leg.queued_bytes == 0
    assert loudest(await heard(leg, 0.3)) < 100


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_inbound_call_is_answered_and_ended_by_the_caller(station: Station, peer: Peer, transport: str) -> None:
    leg = await answered_from(station, peer, transport)
    await peer.do("hang_up")
    assert await next_event(leg) == LegClosed(LegClosedBy.PEER)
    assert leg.events.empty()


async def test_inbound_headers_name_called_and_caller(station: Station, peer: Peer) -> None:
    await peer.do("dial", address=station.address, number="+31201234567", caller="+31612345678")
    invite = await station.invite()
    assert called_number(invite.headers, behind_edge=False) == "+31201234567"
    assert caller_number(invite.headers) == "+31612345678"
    assert invite.leg.id
    await invite.leg.reject()
    assert await next_event(invite.leg) == LegClosed(LegClosedBy.US)
    closed = await peer.event("LegClosed")
    assert (closed["by"], closed["sip_code"]) == ("failed", 486)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_call_to_a_number_we_also_dial_with_still_arrives(station: Station, peer: Peer, transport: str) -> None:
    await peer.policy("reject")
    leg = await station.dial(peer.address)  # makes a user agent named +31850835037 on UDP
    while not isinstance(await next_event(leg), LegClosed):
        pass
    inbound = await answered_from(station, peer, transport, "+31850835037")
    await inbound.hang_up()
    assert await next_event(inbound) == LegClosed(LegClosedBy.US)


async def test_busy_far_end_closes_the_leg_with_its_code(station: Station, peer: Peer) -> None:
    await peer.policy("reject")
    leg = await station.dial(peer.address)
    assert await next_event(leg) == LegRinging()
    assert await next_event(leg) == LegClosed(LegClosedBy.FAILED, 486, "Busy Here")


async def test_hanging_up_while_it_rings_cancels(station: Station, peer: Peer) -> None:
    await peer.policy("ignore")
    leg = await station.dial(peer.address, transport="tcp")
    assert await next_event(leg) == LegRinging()
    await leg.hang_up()
    await leg.hang_up()
    assert await next_event(leg) == LegClosed(LegClosedBy.US)
    assert (await peer.event("LegClosed"))["by"] == "peer"


async def test_caller_cancels_before_the_answer(station: Station, peer: Peer) -> None:
    await peer.do("dial", address=station.address, number="+31201234567", caller="+31612345678")
    invite = await station.invite()
    await peer.do("hang_up")
    assert await next_event(invite.leg) == LegClosed(LegClosedBy.PEER)
    with pytest.raises(LegRefusedError):
        await invite.leg.answer()


async def test_digits_arrive_in_both_directions(station: Station, peer: Peer) -> None:
    leg = await answered_by(station, peer)
    await leg.send_dtmf("15#")
    assert [(await peer.event("LegDigit"))["digit"] for _ in range(3)] == ["1", "5", "#"]
    await peer.do("dtmf", digits="9*A")
    digits = [await next_event(leg) for _ in range(3)]
    assert digits == [LegDigit("9"), LegDigit("*"), LegDigit("A")]
    with pytest.raises(ValueError, match="DTMF"):
        await leg.send_dtmf("x")


async def test_refused_transfer_leaves_the_call_usable(station: Station, peer: Peer) -> None:
    leg = await answered_by(station, peer, "echo")  # our endpoints refuse every REFER with 603
    assert await leg.transfer("sip:other@127.0.0.1:9", timeout_seconds=5) is TransferOutcome.UNSUPPORTED
    leg.write(TONE)
    assert loudest(await heard(leg, 0.6)) > 7000
    assert leg.events.empty()


async def test_hold_and_resume_keep_the_call(station: Station, peer: Peer) -> None:
    leg = await answered_from(station, peer)
    await peer.do("hold")
    await peer.event("hold")
    await asyncio.sleep(0.3)
    await peer.do("resume")
    await peer.event("resume")
    await asyncio.sleep(0.3)
    leg.read()
    leg.write(TONE)
    assert leg.queued_bytes > 0
    assert leg.sample_rate == 8000
    assert len(await heard(leg, 0.5)) > 4000
    assert [leg.events.get_nowait() for _ in range(leg.events.qsize())] == [LegHeld(), LegResumed()]


async def test_call_to_a_far_end_that_never_answers_can_be_given_up(station: Station) -> None:
    leg = await station.dial(f"127.0.0.1:{free_port()}")
    await asyncio.sleep(0.2)
    await leg.hang_up()
    assert await next_event(leg) == LegClosed(LegClosedBy.US)


async def test_garbage_datagrams_do_not_hurt(station: Station, peer: Peer) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        for size in range(1, 1200, 3):
            sender.sendto(bytes((size * 7 + n) % 256 for n in range(size)), ("127.0.0.1", station.port))
            sender.sendto(b"INVITE sip:x@y SIP/2.0\r\nVia: " + b"a" * size + b"\r\n\r\n", ("127.0.0.1", station.port))
    leg = await answered_from(station, peer)
    await leg.hang_up()
    assert await next_event(leg) == LegClosed(LegClosedBy.US)


async def test_silent_far_end_is_media_lost(peer: Peer) -> None:
    station = Station(rtp_timeout_seconds=2)
    await station.start()
    try:
        leg = await answered_from(station, peer)
        peer._process.send_signal(19)  # SIGSTOP: no RTP, no BYE
        try:
            assert await next_event(leg) == LegClosed(LegClosedBy.MEDIA_LOST)
        finally:
            peer._process.send_signal(18)
    finally:
        await station.endpoint.close()


async def test_port_in_use_is_one_clear_line(station: Station) -> None:
    config = EndpointConfig(host="127.0.0.1", port=station.port, rtp_ports=RTP_PORTS)
    with pytest.raises(EndpointError, match=rf"SIP_LISTEN: UDP port {station.port} on 127\.0\.0\.1 is not available"):
        await SipEndpoint(config).start(lambda _: None)


async def test_eight_calls_at_once_all_carry_audio(station: Station, peer: Peer) -> None:
    await peer.policy("answer")
    legs = [await station.dial(peer.address) for _ in range(8)]
    for leg in legs:
        while not isinstance(await next_event(leg), LegAnswered):
            pass
    await asyncio.sleep(0.5)
    assert all(len(leg.read()) > 2000 for leg in legs)
    for leg in legs:
        await leg.hang_up()
    assert [await next_event(leg) for leg in legs] == [LegClosed(LegClosedBy.US)] * 8
