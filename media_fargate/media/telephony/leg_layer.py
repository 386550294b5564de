"""A leg on top of another leg: everything passes through, until a subclass says otherwise."""

import asyncio

from media.telephony.leg import CallLeg, LegEvent, LegStats, TransferOutcome

__all__ = ["LegLayer", "bare"]


class LegLayer:
    """A `CallLeg` made of another one."""

    def __init__(self, leg: CallLeg) -> None:
        self._leg = leg

    def hand_over(self) -> CallLeg:
        """End what this layer does, for the agent's part of the call is over; the leg below goes on without it."""
        return bare(self._leg)

    def begin_recording(self) -> None:
        """All that was promised before a recording has been done; told to the layer it concerns."""
        if isinstance(self._leg, LegLayer):
            self._leg.begin_recording()

    @property
    def recording_late(self) -> bool:
        """Whether pieces of a recording were still to be stored when the leg was ended."""
        return isinstance(self._leg, LegLayer) and self._leg.recording_late

    @property
    def id(self) -> str:
        """The leg's own id."""
        return self._leg.id

    @property
    def sample_rate(self) -> int:
        """Hertz."""
        return self._leg.sample_rate

    @property
    def events(self) -> "asyncio.Queue[LegEvent]":
        """Everything that happens to the leg."""
        return self._leg.events

    async def answer(self, *, encrypted_only: bool = False) -> None:
        """Accept an inbound call."""
        await self._leg.answer(encrypted_only=encrypted_only)

    async def reject(self) -> None:
        """Refuse an inbound call."""
        await self._leg.reject()

    def read(self) -> bytes:
        """All PCM received since the last read."""
        return self._leg.read()

    def write(self, pcm: bytes) -> int:
        """Queue PCM for playing; returns how many bytes were taken."""
        return self._leg.write(pcm)

    def flush(self) -> int:
        """Drop what is queued but not yet played; returns the bytes dropped."""
        return self._leg.flush()

    @property
    def queued_bytes(self) -> int:
        """Bytes written and not yet played."""
        return self._leg.queued_bytes

    async def send_dtmf(self, digits: str) -> None:
        """Send digits."""
        await self._leg.send_dtmf(digits)

    async def transfer(self, target: str, timeout_seconds: float = 30.0) -> TransferOutcome:
        """Ask the peer to call `target`."""
        return await self._leg.transfer(target, timeout_seconds)

    async def hang_up(self) -> None:
        """End the leg."""
        await self._leg.hang_up()

    def stats(self) -> LegStats:
        """Figures of the leg so far."""
        return self._leg.stats()


def bare(leg: CallLeg) -> CallLeg:
    """The leg below all layers, which do nothing any more: the agent's part of the call is over."""
    return leg.hand_over() if isinstance(leg, LegLayer) else leg
