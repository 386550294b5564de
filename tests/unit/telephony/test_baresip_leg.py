"""The leg's order of events over scripted stack events; the real stack is called in tests/media/sip."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from baresip.call import CallState
from baresip.errors import AudioNotActive, CommandTimeout, StaleHandleError, TransferFailed
from baresip.events import Event, StackEvent

from media.telephony import baresip_leg
from media.telephony.baresip_leg import BaresipLeg
from media.telephony.leg import (
    NOT_ENCRYPTED,
    LegAnswered,
    LegClosed,
    LegClosedBy,
    LegDigit,
    LegHeld,
    LegResumed,
    LegRinging,
    TransferOutcome,
)


class Audio:
    active = False
    received = b""

    def info(self) -> Any:
        if not self.active:
            raise AudioNotActive("none")
        return SimpleNamespace(tx_sample_rate=16000, rx_sample_rate=16000, tx_buffered=0, tx_capacity=32768)

    def read(self, _: int) -> bytes:
        received, self.received = self.received, b""
        return received


class StackCall:
    """What a leg uses of baresip's call."""

    def __init__(self) -> None:
        self.call_id = "abc"
        self.state = CallState.INCOMING
        self.final_stats = None
        self.audio: Any = Audio()
        self.hangups = 0
        self.answers = 0
        self.pressed = ""
        self.hangup_error: Exception | None = None
        self.transfer_result: Exception | None = None
        self.during_transfer: Any = lambda: None

    def on(self, listener: Any) -> None:
        self.listener = listener

    def on_rtcp(self, _: Any) -> None:
        pass

    def tell(self, event: Event, text: str | None = None) -> None:
        self.listener(StackEvent(event, text=text))

    def close(self, text: str | None = None) -> None:
        self.state = CallState.CLOSED
        self.tell(Event.CALL_CLOSED, text)

    async def answer(self, video: bool) -> None:
        self.answers += 1

    async def send_dtmf(self, digits: str) -> None:
        for digit in digits:
            await asyncio.sleep(0)
            self.pressed += digit

    async def hangup(self) -> None:
        self.hangups += 1
        if self.hangup_error:
            raise self.hangup_error

    async def transfer(self, _: str, timeout: float) -> None:
        self.during_transfer()
        if self.transfer_result:
            raise self.transfer_result


def make(outbound: bool = True, encrypted_only: bool = False) -> tuple[BaresipLeg, StackCall, list[BaresipLeg]]:
    call = StackCall()
    gone: list[BaresipLeg] = []
    leg = BaresipLeg(call, call.audio, outbound=outbound, on_closed=gone.append, encrypted_only=encrypted_only)
    return leg, call, gone


def drain(leg: BaresipLeg) -> list[Any]:
    return [leg.events.get_nowait() for _ in range(leg.events.qsize())]


async def answered(call: StackCall) -> None:
    call.audio.active = True
    call.state = CallState.ESTABLISHED
    call.tell(Event.CALL_ESTABLISHED)


async def test_ringing_is_told_once_whatever_comes() -> None:
    leg, call, _ = make()
    call.tell(Event.CALL_RINGING)
    call.tell(Event.CALL_PROGRESS)
    assert drain(leg) == [LegRinging()]


async def test_answer_is_told_when_media_is_up() -> None:
    leg, call, _ = make()
    call.tell(Event.CALL_ESTABLISHED)
    assert drain(leg) == []
    call.audio.active = True
    async with asyncio.timeout(1):
        assert await leg.events.get() == LegAnswered()
    assert leg.sample_rate == 16000


async def test_call_that_must_be_encrypted_and_is_goes_on() -> None:
    leg, call, _ = make(encrypted_only=True)
    call.tell(Event.CALL_MENC, "0,audio,AES_CM_128_HMAC_SHA1_80")
    await answered(call)
    assert drain(leg) == [LegAnswered()]


async def test_call_that_must_be_encrypted_and_is_not_is_ended_before_it_counts_as_answered() -> None:
    leg, call, gone = make(encrypted_only=True)
    await answered(call)
    await asyncio.sleep(0)
    call.close("Rejected by user")
    assert call.hangups == 1
    assert drain(leg) == [LegClosed(LegClosedBy.FAILED, detail=NOT_ENCRYPTED)]
    assert gone == [leg]


async def test_inbound_call_is_told_with_the_answer_that_it_must_be_encrypted() -> None:
    leg, call, _ = make(outbound=False)
    await leg.answer(encrypted_only=True)
    assert call.answers == 1
    await answered(call)
    await asyncio.sleep(0)
    call.close("Rejected by user")
    assert drain(leg) == [LegClosed(LegClosedBy.FAILED, detail=NOT_ENCRYPTED)]


@pytest.mark.parametrize(("outbound", "heard"), [(True, b""), (False, b"early")])
async def test_what_a_called_party_sent_before_its_answer_is_not_heard(outbound: bool, heard: bytes) -> None:
    leg, call, _ = make(outbound)
    call.audio.received = b"early"
    await answered(call)
    assert drain(leg) == [LegAnswered()]
    assert leg.read() == heard


async def test_sequences_of_keys_are_sent_one_after_the_other() -> None:
    leg, call, _ = make()
    await asyncio.gather(leg.send_dtmf("123"), leg.send_dtmf("456"))
    assert call.pressed == "123456"


async def test_closed_is_last_and_told_once() -> None:
    leg, call, gone = make()
    await answered(call)
    call.tell(Event.CALL_DTMF_START, "5")
    call.close("Connection reset by peer [104]")
    call.close()
    call.tell(Event.CALL_DTMF_START, "6")
    assert drain(leg) == [LegAnswered(), LegDigit("5"), LegClosed(LegClosedBy.PEER)]
    assert gone == [leg]


async def test_call_that_closes_before_its_media_comes_up_never_tells_of_an_answer() -> None:
    leg, call, _ = make()
    call.tell(Event.CALL_ESTABLISHED)
    call.close()
    call.audio.active = True
    await asyncio.sleep(0.03)
    assert drain(leg) == [LegClosed(LegClosedBy.PEER)]


@pytest.mark.parametrize("error", [None, StaleHandleError("gone"), CommandTimeout("stalled")])
async def test_hang_up_ends_the_leg_even_when_the_stack_never_confirms(
    error: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(baresip_leg, "_CLOSE_SECONDS", 0.01)
    leg, call, _ = make()
    call.hangup_error = error
    await leg.hang_up()
    await leg.hang_up()
    assert call.hangups == 1
    async with asyncio.timeout(1):
        assert await leg.events.get() == LegClosed(LegClosedBy.US)


async def test_call_held_for_too_long_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baresip_leg, "_HOLD_SECONDS", 0.01)
    leg, call, _ = make()
    await answered(call)
    call.tell(Event.CALL_HOLD)
    await asyncio.sleep(0.03)
    call.close("Rejected by user")
    assert call.hangups == 1
    assert drain(leg) == [LegAnswered(), LegHeld(), LegClosed(LegClosedBy.MEDIA_LOST)]


async def test_resumed_call_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baresip_leg, "_HOLD_SECONDS", 0.01)
    leg, call, _ = make()
    await answered(call)
    call.tell(Event.CALL_HOLD)
    call.tell(Event.CALL_RESUME)
    await asyncio.sleep(0.03)
    assert drain(leg) == [LegAnswered(), LegHeld(), LegResumed()]


async def test_successful_transfer_tells_the_end_after_the_outcome() -> None:
    leg, call, _ = make()
    await answered(call)
    seen: list[int] = []

    def close() -> None:
        call.close("Call transfered")
        seen.append(leg.events.qsize())

    call.during_transfer = close
    drain(leg)
    assert await leg.transfer("sip:x@y") is TransferOutcome.SUCCEEDED
    assert seen == [0]
    assert drain(leg) == [LegClosed(LegClosedBy.US, detail="transferred")]


async def test_transfer_that_the_peer_answers_with_bye_is_unconfirmed() -> None:
    leg, call, _ = make()
    await answered(call)
    call.during_transfer = call.close
    call.transfer_result = TransferFailed("call closed before the transfer completed")
    assert await leg.transfer("sip:x@y") is TransferOutcome.UNCONFIRMED
    assert drain(leg)[-1] == LegClosed(LegClosedBy.PEER)


async def test_transfer_before_the_answer_or_after_the_end_fails() -> None:
    leg, call, _ = make()
    assert await leg.transfer("sip:x@y") is TransferOutcome.FAILED
    await answered(call)
    call.close()
    assert await leg.transfer("sip:x@y") is TransferOutcome.FAILED


async def test_dead_stack_fails_the_leg() -> None:
    leg, call, gone = make()
    await answered(call)
    leg.fail("the SIP stack died")
    assert drain(leg)[-1] == LegClosed(LegClosedBy.FAILED, detail="the SIP stack died")
    assert gone == [leg]
    assert leg.read() == b""


@pytest.mark.parametrize("event", [Event.CALL_HOLD, Event.CALL_RESUME])
async def test_hold_after_our_hang_up_does_not_keep_the_leg_open(event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baresip_leg, "_CLOSE_SECONDS", 0.01)
    leg, call, gone = make()
    await leg.hang_up()
    call.tell(event)
    await asyncio.sleep(0.03)
    assert drain(leg) == [LegClosed(LegClosedBy.US)]
    assert gone == [leg]
