"""A leg that is listened in on: what was read from it, and of what was written to it what was really played."""

import asyncio

from media.audio.levels import size
from media.recording.recorder import Recorder
from media.recording.uploads import SegmentUploads
from media.telephony.leg import CallLeg
from media.telephony.leg_layer import LegLayer

__all__ = ["RecordedLeg", "record_once_allowed"]

_SLACK_SECONDS = 0.1
"""What may be played beyond the time that passed: packets are taken from the buffer whole."""


class RecordedLeg(LegLayer):
    """Feeds a recorder by what the conversation does with its leg anyway: each `read` is the recorder's tick."""

    def __init__(self, leg: CallLeg, recorder: Recorder, uploads: SegmentUploads) -> None:
        super().__init__(leg)
        self._recorder = recorder
        self._uploads = uploads
        self._loop = asyncio.get_running_loop()
        self._unplayed = bytearray()
        self._accounted_at = self._loop.time()

    def begin_recording(self) -> None:
        """All that was promised before a recording has been done."""
        self._recorder.begin(self._loop.time())

    @property
    def recording_late(self) -> bool:
        """Whether pieces of the recording were still to be stored when the leg was ended."""
        return self._uploads.late

    def hand_over(self) -> CallLeg:
        """The agent's part is over: the recording ends."""
        self._account(self._leg.queued_bytes)
        self._recorder.stop(self._loop.time())
        return super().hand_over()

    def read(self) -> bytes:
        """All PCM received since the last read."""
        pcm = self._leg.read()
        self._account(self._leg.queued_bytes)
        now = self._loop.time()
        self._recorder.caller(pcm, now)
        self._recorder.tick(now)
        return pcm

    def write(self, pcm: bytes) -> int:
        """Queue PCM for playing; returns how many bytes were taken."""
        taken = self._leg.write(pcm)
        self._unplayed += pcm[:taken]
        return taken

    def flush(self) -> int:
        """Drop what is queued but not yet played; returns the bytes dropped."""
        dropped = self._leg.flush()
        self._account(dropped)
        self._unplayed.clear()
        return dropped

    async def hang_up(self) -> None:
        """End the leg, and have the rest of the recording stored."""
        self._recorder.stop(self._loop.time())
        try:
            await self._leg.hang_up()
        finally:
            await self._uploads.close()

    def _account(self, queued: int) -> None:
        """All but the `queued` bytes of what was written has left the buffer since the last time."""
        now = self._loop.time()
        played = max(0, len(self._unplayed) - queued) & ~1
        # what left the buffer faster than it can be played was dropped with it (a renegotiated stream)
        heard = min(played, size(now - self._accounted_at + _SLACK_SECONDS, self.sample_rate))
        self._recorder.agent(bytes(self._unplayed[:heard]), now)
        del self._unplayed[:played]
        self._accounted_at = now


async def record_once_allowed(leg: CallLeg, allowed: asyncio.Event) -> None:
    """Begin the recording when the call's opening gives it free; nothing happens on a leg that is not recorded."""
    await allowed.wait()
    if isinstance(leg, LegLayer):
        leg.begin_recording()
