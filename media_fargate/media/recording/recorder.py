"""Both sides of a call as one stereo stream, cut into segments."""

from collections.abc import Callable

import numpy as np

from media.audio.levels import samples
from media.recording.track import Track

__all__ = ["SEGMENT_SECONDS", "CutSegment", "Recorder"]

SEGMENT_SECONDS = 10.0
"""What a node that dies may lose, against the price of storing a segment."""
_LATE_SECONDS = 1.0
"""How long a segment waits for audio that is late."""

CutSegment = Callable[[int, bytes], None]
"""Takes the segment that begins with this frame: 16-bit stereo, caller left."""


class Recorder:
    """Records between `begin` and `stop`; whatever it is given before or after is forgotten. Times are in seconds, of
    one clock. None of its methods waits."""

    def __init__(self, sample_rate: int, cut: CutSegment) -> None:
        self._rate = sample_rate
        self._cut = cut
        self._length = round(SEGMENT_SECONDS * sample_rate)
        self._late = round(_LATE_SECONDS * sample_rate)
        self._began: float | None = None
        self._over = False
        self._taken = 0
        self._caller, self._agent = Track(sample_rate), Track(sample_rate)

    @property
    def running(self) -> bool:
        """Whether it records."""
        return self._began is not None and not self._over

    def begin(self, now: float) -> None:
        """Record from now on; the first moment counts."""
        if self._began is None:
            self._began = now

    def caller(self, pcm: bytes, now: float) -> None:
        """What the caller's line brought up to now."""
        if self.running and pcm:
            self._caller.add(pcm, self._frame(now))

    def agent(self, pcm: bytes, now: float) -> None:
        """What was played to the caller up to now."""
        if self.running and pcm:
            self._agent.add(pcm, self._frame(now))

    def tick(self, now: float) -> None:
        """Cut the segments that are complete by now."""
        if self.running:
            while self._frame(now) - self._taken >= self._length + self._late:
                self._take(self._taken + self._length)

    def stop(self, now: float) -> None:
        """Cut what is left; nothing is recorded any more."""
        if not self.running:
            return
        self.tick(now)
        self._over = True
        end = max(self._frame(now), self._caller.end, self._agent.end)
        if end > self._taken:
            self._take(end)

    def _frame(self, now: float) -> int:
        return round((now - (self._began or 0.0)) * self._rate)

    def _take(self, until: int) -> None:
        sides = [samples(track.take(until)) for track in (self._caller, self._agent)]
        first, self._taken = self._taken, until
        self._cut(first, np.column_stack(sides).astype("<i2", copy=False).tobytes())
