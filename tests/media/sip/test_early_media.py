"""What the far end sends before it answers: ringing tones and announcements, which are no part of the call."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from media.telephony.leg import LegAnswered, LegRinging

from .conftest import WAIT_SECONDS, Station, next_event
from .raw_phone import RawPhone
from .talking import listen, loud

LOUD = (bytes([0x90]) * 20 + bytes([0x10]) * 20) * 4
"""20 ms of a square wave in G.711 u."""


class CalledPhone(RawPhone):
    """Is called, and answers when the test wants it to."""

    def _on_sip(self, data: bytes, address: Any) -> None:
        if not data.startswith(b"INVITE"):
            super()._on_sip(data, address)
        elif not hasattr(self, "invite"):
            self.invite = data.decode()
            port = re.search(r"(?m)^m=audio (\d+)", self.invite)
            assert port
            self._media = ("127.0.0.1", int(port[1]))

    async def rings(self) -> None:
        """Until the INVITE is there."""
        async with asyncio.timeout(WAIT_SECONDS):
            while not hasattr(self, "invite"):
                await asyncio.sleep(0.01)

    def respond(self, status: str) -> None:
        lines = [line for line in self.invite.split("\r\n") if re.match(r"(?i)(via|from|call-id|cseq|to):", line)]
        lines = [f"{line};tag=called" if re.match(r"(?i)to:", line) else line for line in lines]
        body = self.sdp("PCMU")
        contact = [f"Contact: <sip:called@127.0.0.1:{self.port}>", "Content-Type: application/sdp"]
        self.send("\r\n".join([f"SIP/2.0 {status}", *lines, *contact, f"Content-Length: {len(body)}", "", body]))


@pytest.fixture
async def station() -> AsyncIterator[Station]:
    started = Station(jitter_ms=(20, 200))  # as deployed
    await started.start()
    yield started
    await started.endpoint.close()


@pytest.fixture
async def phone(station: Station) -> AsyncIterator[CalledPhone]:
    opened = CalledPhone(station.port)
    await opened.open()
    yield opened
    opened.close()


async def test_sound_that_came_before_the_answer_is_not_heard_after_it(station: Station, phone: CalledPhone) -> None:
    dialling = asyncio.ensure_future(station.dial(f"127.0.0.1:{phone.port}"))
    await phone.rings()
    phone.respond("183 Session Progress")
    leg = await dialling
    assert await next_event(leg) == LegRinging()
    await phone.play([LOUD] * 75, "PCMU")
    phone.respond("200 OK")
    assert await next_event(leg) == LegAnswered()
    before = leg.read()
    after = await listen(leg, asyncio.ensure_future(phone.play([LOUD] * 25, "PCMU")))
    assert loud(before) < 0.2 * leg.sample_rate  # what the jitter buffer still held
    assert loud(after) > 0.4 * leg.sample_rate
