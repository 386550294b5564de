"""What the conversation knows of a phone call. The SIP library stays behind this interface."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

NOT_ENCRYPTED = "The far end does not encrypt its audio, which the trunk's srtp requires."
"""The `detail` of a leg that was ended for that reason."""


class LegClosedBy(StrEnum):
    """Who or what ended a leg."""

    PEER = "peer"
    US = "us"
    MEDIA_LOST = "media_lost"
    FAILED = "failed"


@dataclass(frozen=True)
class LegRinging:
    """Outbound: the far end rings (180/183)."""


@dataclass(frozen=True)
class LegAnswered:
    """The call is up; audio may flow."""


@dataclass(frozen=True)
class LegDigit:
    """One DTMF digit from the peer: 0-9, *, #, A-D. `in_audio`: found in the sound, no event of the line's."""

    digit: str
    in_audio: bool = False


@dataclass(frozen=True)
class LegHeld:
    """The far end has put us on hold: it hears nothing, and what it sends, if anything, is music."""


@dataclass(frozen=True)
class LegResumed:
    """The hold is over."""


@dataclass(frozen=True)
class LegClosed:
    """The leg is gone; always the last event. `sip_code` is the final response of an unanswered outbound leg."""

    by: LegClosedBy
    sip_code: int | None = None
    detail: str | None = None


LegEvent = LegRinging | LegAnswered | LegDigit | LegHeld | LegResumed | LegClosed


class TransferOutcome(StrEnum):
    """How a transfer ended. `UNSUPPORTED` stays inside: the peer refused the REFER itself, so nothing was tried yet."""

    SUCCEEDED = "succeeded"
    UNCONFIRMED = "unconfirmed"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    FAILED = "failed"
    NOT_ALLOWED = "destination_not_allowed"
    CANCELLED = "cancelled"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True)
class LegStats:
    """Packets and bytes of RTP, jitter in milliseconds; None where the library does not know."""

    packets_in: int | None = None
    packets_out: int | None = None
    lost_in: int | None = None
    jitter_ms: float | None = None


class CallLeg(Protocol):
    """One SIP (or WebRTC) call. PCM is 16-bit little-endian mono at `sample_rate`, which is fixed for the leg's life:
    a codec change in mid-call is resampled below this interface."""

    @property
    def id(self) -> str:
        """The leg's own id (SIP Call-ID where there is one)."""

    @property
    def sample_rate(self) -> int:
        """Hertz, 8000 or 16000; known once answered."""

    @property
    def events(self) -> "asyncio.Queue[LegEvent]":
        """Everything that happens to the leg, in order; ends with LegClosed."""

    async def answer(self, *, encrypted_only: bool = False) -> None:
        """Accept an inbound call (200); `encrypted_only`: end it when its audio is not encrypted."""

    async def reject(self) -> None:
        """Refuse an inbound call."""

    def read(self) -> bytes:
        """All PCM received since the last read; empty when there is none. Never blocks."""

    def write(self, pcm: bytes) -> int:
        """Queue PCM for playing and return how many bytes were taken (the buffer holds about two seconds)."""

    def flush(self) -> int:
        """Drop what is queued but not yet played; returns the bytes dropped. This is barge-in."""

    @property
    def queued_bytes(self) -> int:
        """Bytes written and not yet played."""

    async def send_dtmf(self, digits: str) -> None:
        """Send digits (RFC 4733, else SIP INFO), one sequence after the other; returns when they have been sent."""

    async def transfer(self, target: str, timeout_seconds: float = 30.0) -> TransferOutcome:
        """Ask the peer to call `target` (a SIP URI) by REFER; the call stays usable unless it succeeded."""

    async def hang_up(self) -> None:
        """End the leg (BYE, or CANCEL before it is answered); idempotent."""

    def stats(self) -> LegStats:
        """Figures of the leg so far."""
