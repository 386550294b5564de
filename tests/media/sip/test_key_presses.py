"""Key presses (RFC 4733) of which packets are lost, doubled or out of order: each is heard once."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from media.telephony.baresip_leg import BaresipLeg
from media.telephony.leg import LegDigit

from .conftest import Station
from .raw_phone import RawPhone
from .talking import connected

WHOLE = "B1234EEE"
"""What is sent of a press, each 20 ms: its begin, four updates, its end three times."""
ARRIVE = {
    "all of it": WHOLE,
    "the begin is lost": "1234EEE",
    "all ends but the last are lost": "B1234E",
    "all ends are lost": "B1234",
    "the begin and all ends are lost": "1234",
    "only the begin arrives": "B",
    "only an update arrives": "3",
    "everything comes twice": "BB11223344EEEEEE",
    "updates come in another order": "B1324EEE",
    "the begin comes after updates": "12B34EEE",
    "an update comes after the end": "B123E4EE",
}
THE_SAME_KEY_AFTER_IT = [name for name, arrives in ARRIVE.items() if "E" in arrives]
"""When no end arrived the stack takes the same key, pressed again, for the same press: docs/not-yet.md."""
PAUSE_SECONDS = 0.1


@pytest.fixture
async def station() -> AsyncIterator[Station]:
    started = Station(jitter_ms=(20, 200))  # as deployed; it puts no telephone events in order
    await started.start()
    yield started
    await started.endpoint.close()


@pytest.fixture
async def phone(station: Station) -> AsyncIterator[RawPhone]:
    opened = await RawPhone(station.port).open()
    yield opened
    opened.close()


def arriving(packets: list[bytes], letters: str) -> list[bytes]:
    """The packets in the order of their arrival."""
    ends = iter(packets[5:] * 2)
    return [next(ends) if letter == "E" else packets["B1234".index(letter)] for letter in letters]


async def pressed(phone: RawPhone, leg: BaresipLeg, *presses: tuple[str, str]) -> str:
    """Press one key after another, of each so much arriving; the keys that were heard."""
    for key, letters in presses:
        await phone.send_paced(arriving(phone.key(key), letters))
        await asyncio.sleep(PAUSE_SECONDS)
    heard = ""
    while not leg.events.empty():
        event = leg.events.get_nowait()
        assert isinstance(event, LegDigit)
        heard += event.digit
    return heard


async def test_a_key_is_heard_once_whatever_becomes_of_its_packets(station: Station, phone: RawPhone) -> None:
    leg = await connected(station, phone, "PCMU")
    heard = {}
    for name, letters in ARRIVE.items():
        heard[name] = await pressed(phone, leg, ("5", letters), ("8", WHOLE))
    assert heard == dict.fromkeys(ARRIVE, "58")


async def test_the_same_key_pressed_twice_is_heard_twice(station: Station, phone: RawPhone) -> None:
    leg = await connected(station, phone, "PCMU")
    heard = {}
    for name in THE_SAME_KEY_AFTER_IT:
        heard[name] = await pressed(phone, leg, ("5", ARRIVE[name]), ("5", WHOLE), ("8", WHOLE))
    assert heard == dict.fromkeys(THE_SAME_KEY_AFTER_IT, "558")


async def test_a_key_pressed_again_is_heard_when_a_late_packet_hides_its_begin(
    station: Station, phone: RawPhone
) -> None:
    leg = await connected(station, phone, "PCMU")
    assert await pressed(phone, leg, ("5", "B123E4"), ("5", WHOLE), ("8", WHOLE)) == "558"


async def test_keys_for_a_far_end_without_telephone_events_go_by_info(station: Station, phone: RawPhone) -> None:
    offer = phone.sdp("PCMU").replace(" 101\r\n", "\r\n", 1).replace("a=rtpmap:101 telephone-event/8000\r\n", "")
    calling = asyncio.ensure_future(phone.ask("INVITE", offer))
    leg = (await station.invite()).leg
    await leg.answer()
    await calling
    await leg.send_dtmf("5#")
    async with asyncio.timeout(5):
        told = [await phone.requests.get() for _ in range(2)]
    assert [request.split()[0] for request in told] == ["INFO", "INFO"]
    assert [re.findall(r"(?im)^signal=\s*(\S+)", request) for request in told] == [["5"], ["#"]]
