"""What hostile senders do to the SIP and RTP ports: the call that runs goes on, and the stack can be closed."""

import asyncio
import contextlib
import json
import random
import socket
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
from baresip._native import lib

from media.telephony.baresip_leg import BaresipLeg

from .conftest import Station
from .nonsense import bad_media, fuzzed, fuzzed_bodies, fuzzed_datagrams, given_up, strange_openings, torture
from .raw_phone import RawPhone
from .talking import connected, listen, loud, recorded, undisturbed

DATAGRAMS, BODIES, REINVITES = 2000, 200, 100


def stranger_to(station: Station) -> RawPhone:
    """Whose messages are right in themselves; nobody hears what is sent back to it."""
    phone = RawPhone(station.port)
    phone.port, phone.rtp_port = 9, 9
    return phone


async def send_all(station: Station, send: Callable[[bytes], None], messages: Sequence[bytes]) -> None:
    """Five hundred a second; what is a call after all is refused."""
    for place, message in enumerate(messages):
        send(message)
        if place % 10 == 9:
            await asyncio.sleep(0.02)
            await refuse_all(station)


async def refuse_all(station: Station) -> None:
    while not station.invites.empty():
        await station.invites.get_nowait().leg.reject()


async def calls_held(station: Station) -> int:
    """How many calls the library has a handle for."""
    _, counts = await station.endpoint._runtime.cmd(lib.BP_CMD_TEST_HANDLE_COUNT)
    return int(json.loads(counts)["call"])


async def require_only(station: Station, calls: int) -> None:
    """Nothing is left in the library but these calls, and there is room for one more."""
    async with asyncio.timeout(10):
        while await calls_held(station) != calls:
            await refuse_all(station)
            await asyncio.sleep(0.05)
    another = await RawPhone(station.port).open()
    await connected(station, another, "PCMU")
    assert (await another.ask("BYE")).startswith("SIP/2.0 200")
    another.close()


SENT = {
    "torture": lambda phone, port, chance: torture(port),
    "datagrams": lambda phone, port, chance: fuzzed_datagrams(phone, DATAGRAMS, chance),
    "bodies": lambda phone, port, chance: fuzzed_bodies(phone, BODIES, chance),
    "given up": lambda phone, port, chance: given_up(phone, 200),
}


@pytest.mark.parametrize("kind", SENT)
async def test_nonsense_disturbs_no_call(station: Station, phone: RawPhone, kind: str) -> None:
    sender = await RawPhone(station.port).open()
    async with undisturbed(station, phone):
        messages = SENT[kind](stranger_to(station), station.port, random.Random(4475))
        await send_all(station, sender.send, messages)
        await require_only(station, 1)
    sender.close()
    await station.endpoint.close()


async def test_fuzzed_offers_in_a_call_disturb_neither_it_nor_another(station: Station, phone: RawPhone) -> None:
    chance = random.Random(4566)
    other = await RawPhone(station.port).open()
    async with undisturbed(station, phone):
        leg = await connected(station, other, "PCMU")
        offer = other.sdp("PCMU", "PCMA", "G722").encode()
        for body in fuzzed(offer, REINVITES, chance):
            answer = await other.ask("INVITE", body.decode("latin-1"))
            assert answer.startswith(("SIP/2.0 200", "SIP/2.0 4"))
        assert not leg.is_closed
        assert (await other.ask("INVITE", other.sdp("PCMU"))).startswith("SIP/2.0 200")
        payloads = await recorded(leg, other, "PCMU")
        assert len(payloads) >= 40
        heard = await listen(leg, asyncio.ensure_future(other.play(payloads, "PCMU")))
        assert loud(heard) > 0.5 * leg.sample_rate
    other.close()
    await station.endpoint.close()


async def test_strange_connections_disturb_no_call(station: Station, phone: RawPhone) -> None:
    openings = strange_openings(stranger_to(station), random.Random(793))
    connections = []
    async with undisturbed(station, phone):
        for opening in openings * 8:
            _, writer = await asyncio.open_connection("127.0.0.1", station.port)
            writer.write(opening)
            connections.append(writer)
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.5)
        await refuse_all(station)
        await require_only(station, 1)
        for writer in connections[::2]:
            writer.transport.abort()
    await station.endpoint.close()
    for writer in connections:
        writer.close()


@contextlib.asynccontextmanager
async def buffered_call() -> AsyncIterator[tuple[RawPhone, BaresipLeg, list[bytes]]]:
    """A call over a jitter buffer, and four seconds of tone for it."""
    station = Station(jitter_ms=(20, 200))
    await station.start()
    phone = await RawPhone(station.port).open()
    try:
        leg = await connected(station, phone, "PCMU")
        yield phone, leg, await recorded(leg, phone, "PCMU") * 4
        assert (await phone.ask("BYE")).startswith("SIP/2.0 200")
    finally:
        phone.close()
        await station.endpoint.close()


async def test_far_end_that_counts_its_packets_anew_is_heard_again() -> None:
    async with buffered_call() as (phone, leg, payloads):
        for first in (30_000, 10_000):
            phone.count_from(first)
            await listen(leg, asyncio.ensure_future(phone.play(payloads[:60], "PCMU")))
            heard = await listen(leg, asyncio.ensure_future(phone.play(payloads[:50], "PCMU")))
            assert loud(heard) > 0.8 * 50 * 160, first


async def test_bad_media_stops_no_audio() -> None:
    async with buffered_call() as (phone, leg, payloads):
        # in the first second the port learns that the caller's media come from where they were announced
        await listen(leg, asyncio.ensure_future(phone.play(payloads[:60], "PCMU")))
        with socket.socket(type=socket.SOCK_DGRAM) as stranger:
            hurting = asyncio.ensure_future(hurt(stranger, phone.media_address))
            heard = await listen(leg, asyncio.ensure_future(phone.play(payloads, "PCMU")))
            await hurting
        assert loud(heard) > 0.85 * len(payloads) * 160


async def hurt(stranger: socket.socket, media: tuple[str, int]) -> None:
    host, port = media
    for number, packet in enumerate(bad_media(random.Random(3550), 4711, 1000)):
        stranger.sendto(packet, (host, port + number % 2))
        if number % 10 == 9:
            await asyncio.sleep(0.02)
