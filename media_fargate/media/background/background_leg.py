"""A leg with a quiet place behind everything that is said on it, and behind the silence too."""

from collections import deque

from media.audio.levels import BYTES_PER_SAMPLE, size
from media.background.bed import Bed
from media.telephony.leg import CallLeg
from media.telephony.leg_layer import LegLayer

__all__ = ["BackgroundLeg"]

AHEAD_SECONDS = 0.06
"""Bed kept in the buffer while nothing is said: three packets, so that a late poll leaves no hole."""


class BackgroundLeg(LegLayer):
    """To the agent it is the leg without the bed: what it counts and drops is speech only.

    Speech never waits behind bed: the bed that was queued before it is taken back and mixed under it instead.
    """

    def __init__(self, leg: CallLeg, bed: Bed) -> None:
        super().__init__(leg)
        self._bed = bed
        self._ahead = size(AHEAD_SECONDS, leg.sample_rate)
        self._queued: deque[list[int]] = deque()  # [bytes, of which speech]: runs of one kind in the leg's buffer
        self._total = 0
        self._speech = bytearray()  # the speech among them, unmixed
        self._over = False

    def hand_over(self) -> CallLeg:
        """The agent's part is over: silence, as the line itself has it."""
        self._over = True
        self._leg.flush()
        return super().hand_over()

    def read(self) -> bytes:
        """All PCM received since the last read; each read keeps the bed going."""
        pcm = self._leg.read()
        self._account(self._leg.queued_bytes)
        self._keep()
        return pcm

    def write(self, pcm: bytes) -> int:
        """Queue speech; returns how many bytes of it were taken."""
        self._account(self._leg.queued_bytes)
        again = b"" if self._total == len(self._speech) else self._take_back()
        return max(0, self._put(again + pcm, speech=True) - len(again))

    def flush(self) -> int:
        """Drop the speech that was not yet played, and go on without it; returns its bytes."""
        dropped = len(self._take_back())
        self._keep()
        return dropped

    @property
    def queued_bytes(self) -> int:
        """Bytes of speech written and not yet played."""
        self._account(self._leg.queued_bytes)
        return len(self._speech)

    def _keep(self) -> None:
        room = (self._ahead - self._total) // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE
        if room > 0 and not self._over:
            self._put(bytes(room), speech=False)

    def _put(self, pcm: bytes, *, speech: bool) -> int:
        mixed = self._bed.under(pcm) if speech else self._bed.alone(len(pcm))
        taken = self._leg.write(mixed)
        self._bed.advance(taken)
        self._total += taken
        self._queued.append([taken, taken if speech else 0])
        if speech:
            self._speech += pcm[:taken]
        return taken

    def _take_back(self) -> bytes:
        """Empty the leg's buffer; the speech that was in it. The bed is taken up where it was stopped."""
        dropped = self._leg.flush()
        self._account(dropped)
        self._bed.advance(-self._total)
        unplayed = bytes(self._speech)
        self._speech.clear()
        self._queued.clear()
        self._total = 0
        return unplayed

    def _account(self, queued: int) -> None:
        """The leg holds `queued` bytes: what is older was played."""
        played = max(0, self._total - queued)
        self._total -= played
        while played:
            run = self._queued[0]
            step = min(played, run[0])
            if run[1]:
                del self._speech[:step]
                run[1] -= step
            run[0] -= step
            played -= step
            if not run[0]:
                self._queued.popleft()
