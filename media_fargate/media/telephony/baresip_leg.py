"""A call leg over baresip: stack events in, the `CallLeg` interface out."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from baresip.call import Call, CallState
from baresip.errors import BaresipError, StaleHandleError, TransferFailed
from baresip.events import Event, StackEvent

from media.telephony.causes import closed_by_stack, transfer_outcome
from media.telephony.key_presses import KeyPresses
from media.telephony.leg import (
    NOT_ENCRYPTED,
    LegAnswered,
    LegClosed,
    LegClosedBy,
    LegDigit,
    LegEvent,
    LegHeld,
    LegResumed,
    LegRinging,
    LegStats,
    TransferOutcome,
)
from media.telephony.leg_audio import CallAudioPort, LegAudio

__all__ = ["BaresipLeg", "LegRefusedError"]

_CLOSE_SECONDS = 5.0
"""A hang-up the stack has not confirmed by then counts as done: nothing may wait for it for ever."""
_MEDIA_POLL_SECONDS = 0.01
_MEDIA_POLLS = 100
"""How long after the answer the media may take to come up."""
_HOLD_SECONDS = 600.0
"""A call on hold has no RTP to time out by: after ten minutes it counts as lost."""

logger = Logger(child=True)


class LegRefusedError(Exception):
    """The SIP stack refused an operation because the call is gone or was never up."""


class BaresipLeg:
    """One SIP call; made by `SipEndpoint`. All methods run on the event loop. `happened_at` tells the moment of the
    stack event being handled."""

    def __init__(
        self,
        call: Call,
        audio: CallAudioPort,
        *,
        outbound: bool,
        on_closed: Callable[["BaresipLeg"], None],
        happened_at: Callable[[], float] = time.monotonic,
        encrypted_only: bool = False,
    ) -> None:
        self._call = call
        self._on_closed = on_closed
        self._outbound = outbound
        self._happened_at = happened_at
        self._presses = KeyPresses()
        self._pressing = asyncio.Lock()
        self._audio = LegAudio(audio)
        self._events: asyncio.Queue[LegEvent] = asyncio.Queue()
        self._closed = False
        self._ended_by_us: LegClosed | None = None
        self._hanging_up: asyncio.Future[None] | None = None
        self._ringing = False
        self._answered = False
        self._encrypted_only = encrypted_only
        self._encrypted = False
        self._transferring = False
        self._close_after_transfer: LegClosed | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stats = LegStats()
        call.on(self._on_stack_event)
        call.on_rtcp(self._keep_stats)

    @property
    def id(self) -> str:
        """The SIP Call-ID."""
        return str(self._call.call_id or "")

    @property
    def sample_rate(self) -> int:
        """Hertz, 8000 or 16000; known once answered."""
        return self._audio.sample_rate

    @property
    def events(self) -> asyncio.Queue[LegEvent]:
        """Everything that happens to the leg, in order; ends with exactly one LegClosed."""
        return self._events

    @property
    def is_closed(self) -> bool:
        """Whether the leg is gone."""
        return self._closed

    async def answer(self, *, encrypted_only: bool = False) -> None:
        """Accept an inbound call (200). Raises LegRefusedError when the caller is gone.

        `encrypted_only`: a call whose audio is not encrypted is ended before anything is heard. The stack tells only
        with the answer.
        """
        self._encrypted_only = encrypted_only
        try:
            # with video allowed the stack answers audio-only calls as they are; without, it re-INVITEs at once
            await self._call.answer(video=True)
        except BaresipError as refused:
            raise LegRefusedError("the call could not be answered") from refused

    async def reject(self) -> None:
        """Refuse an inbound call; the stack can only say 486."""
        await self._end(self._call.reject)

    def read(self) -> bytes:
        """All PCM received since the last read; empty when there is none."""
        return b"" if self._closed else self._audio.read()

    def write(self, pcm: bytes) -> int:
        """Queue PCM for playing; returns how many bytes were taken."""
        return 0 if self._closed else self._audio.write(pcm)

    def flush(self) -> int:
        """Drop what is queued but not yet played; returns the bytes dropped."""
        return 0 if self._closed else self._audio.flush()

    @property
    def queued_bytes(self) -> int:
        """Bytes written and not yet played."""
        return 0 if self._closed else self._audio.queued_bytes

    async def send_dtmf(self, digits: str) -> None:
        """Send digits (RFC 4733, else SIP INFO), after those being sent: presses of two sequences would mix.

        Raises ValueError for a character that is none, LegRefusedError when gone.
        """
        try:
            async with self._pressing:
                await self._call.send_dtmf(digits)
        except BaresipError as refused:
            raise LegRefusedError("the digits could not be sent") from refused

    async def transfer(self, target: str, timeout_seconds: float = 30.0) -> TransferOutcome:
        """REFER the peer to `target`. The leg's end, where there is one, is told after the outcome is known."""
        if self._transferring or self._closed or not self._answered:
            return TransferOutcome.FAILED
        self._transferring = True
        began = asyncio.get_running_loop().time()
        try:
            await self._call.transfer(target, timeout=timeout_seconds)
            return TransferOutcome.SUCCEEDED
        except TransferFailed as failed:
            seconds = asyncio.get_running_loop().time() - began
            return transfer_outcome(failed.status, leg_closed=self._call.state is CallState.CLOSED, seconds=seconds)
        except (BaresipError, ValueError) as failed:
            logger.warning("transfer_not_sent", reason=type(failed).__name__)
            return TransferOutcome.FAILED
        finally:
            self._transferring = False
            if self._close_after_transfer:
                self._close(self._close_after_transfer)

    async def hang_up(self) -> None:
        """End the leg (BYE, or CANCEL before it is answered); idempotent."""
        await self._end(self._call.hangup)

    def stats(self) -> LegStats:
        """Figures of the leg, as of the last RTCP report or the end."""
        return self._stats

    def fail(self, detail: str) -> None:
        """End the leg because the SIP stack itself has died."""
        self._close(LegClosed(LegClosedBy.FAILED, detail=detail))

    async def _end(self, command: Any, closed: LegClosed | None = None) -> None:
        if self._closed or self._ended_by_us:
            return
        self._ended_by_us = closed or LegClosed(LegClosedBy.US)
        try:
            await command()
        except StaleHandleError:
            pass  # both sides hung up at once
        except BaresipError as failed:
            logger.warning("hang_up_not_confirmed", reason=type(failed).__name__)
        if not self._closed:
            self._restart_timer(_CLOSE_SECONDS, self._close, self._ended_by_us)

    def _on_stack_event(self, event: StackEvent) -> None:
        match event.event:
            case Event.CALL_RINGING | Event.CALL_PROGRESS if self._outbound and not self._ringing:
                self._ringing = True
                self._tell(LegRinging())
            case Event.CALL_MENC:
                self._encrypted = True
            case Event.CALL_ESTABLISHED if self._encrypted_only and not self._encrypted:
                self._hang_up_soon(LegClosed(LegClosedBy.FAILED, detail=NOT_ENCRYPTED))
            case Event.CALL_ESTABLISHED if not self._answered:
                self._answered = True
                self._await_media(_MEDIA_POLLS)
            # at the press, so that a lost end packet cannot swallow the digit
            case Event.CALL_DTMF_START if event.text and self._presses.began(event.text, self._happened_at()):
                self._tell(LegDigit(event.text))
            case Event.CALL_DTMF_END if (key := self._presses.ended(self._happened_at())) is not None:
                self._tell(LegDigit(key))
            # once we have hung up the timer is that of the end
            case Event.CALL_HOLD if not self._ended_by_us:
                self._restart_timer(_HOLD_SECONDS, self._lose_held_call)
                self._tell(LegHeld())
            case Event.CALL_RESUME if not self._ended_by_us:
                self._stop_timer()
                self._tell(LegResumed())
            case Event.CALL_CLOSED:
                self._on_stack_closed(event)

    def _on_stack_closed(self, event: StackEvent) -> None:
        if self._call.final_stats:
            self._keep_stats(self._call.final_stats)
        closed = self._ended_by_us or closed_by_stack(event.text, outbound=self._outbound, established=self._answered)
        if self._transferring:
            self._close_after_transfer = closed
        else:
            self._close(closed)

    def _await_media(self, polls_left: int) -> None:
        """Tell of the answer once audio can flow, or after a second without it (the RTP timeout then decides)."""
        if self._closed:
            return
        if self._audio.open() or polls_left == 0:
            if self._outbound:
                self._audio.read()  # the stack keeps the last of what came before the answer: ringing, announcements
            self._tell(LegAnswered())
        else:
            loop = asyncio.get_running_loop()
            loop.call_later(_MEDIA_POLL_SECONDS, self._await_media, polls_left - 1)

    def _lose_held_call(self) -> None:
        self._hang_up_soon(LegClosed(LegClosedBy.MEDIA_LOST))

    def _hang_up_soon(self, closed: LegClosed) -> None:
        self._hanging_up = asyncio.ensure_future(self._end(self._call.hangup, closed))

    def _keep_stats(self, stats: Any) -> None:
        self._stats = LegStats(
            packets_in=stats.rx_packets,
            packets_out=stats.tx_packets,
            lost_in=stats.jbuf_lost if stats.jbuf_lost is not None else stats.rx_lost,
            jitter_ms=stats.rx_jitter_ms,
        )

    def _tell(self, event: LegEvent) -> None:
        if not self._closed:
            self._events.put_nowait(event)

    def _close(self, closed: LegClosed) -> None:
        if self._closed:
            return
        self._stop_timer()
        self._events.put_nowait(closed)
        self._closed = True
        self._on_closed(self)

    def _restart_timer(self, seconds: float, callback: Any, *args: Any) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, callback, *args)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
