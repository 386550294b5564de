"""One side of a call on the clock's time line."""

from media.audio.levels import BYTES_PER_SAMPLE

__all__ = ["Track"]

TOLERANCE_SECONDS = 0.06
"""Audio comes in packets, not evenly: less than this apart from the clock it is taken as it comes. Further behind,
something was lost or nobody spoke; further ahead, a clock runs fast or what was given up arrived after all."""


class Track:
    """Takes PCM as it is heard and gives it out by place; positions are frames since the beginning.

    Holds what was not taken yet. What is missing is silence.
    """

    def __init__(self, sample_rate: int) -> None:
        self._tolerance = round(TOLERANCE_SECONDS * sample_rate)
        self._pcm = bytearray()
        self._start = 0

    @property
    def end(self) -> int:
        """The frame after the last that is known."""
        return self._start + len(self._pcm) // BYTES_PER_SAMPLE

    def add(self, pcm: bytes, now: int) -> None:
        """Append audio whose last frame was heard just before frame `now`."""
        begins = now - len(pcm) // BYTES_PER_SAMPLE
        if begins < 0:  # partly from before the beginning, and so not ours to keep
            pcm, begins = pcm[-begins * BYTES_PER_SAMPLE :], 0
        behind = begins - self.end
        if behind > self._tolerance:
            self._pcm += bytes(behind * BYTES_PER_SAMPLE)
        elif -behind > self._tolerance:
            pcm = pcm[(-behind - self._tolerance) * BYTES_PER_SAMPLE :]
        self._pcm += pcm

    def take(self, until: int) -> bytes:
        """What lies between the last frame taken and `until`, filled up with silence."""
        size = (until - self._start) * BYTES_PER_SAMPLE
        taken = bytes(self._pcm[:size])
        del self._pcm[:size]
        self._start = until
        return taken.ljust(size, b"\0")
