"""A loop that plays on and on, and what it sounds like under speech."""

import numpy as np
import numpy.typing as npt

from media.audio.levels import BYTES_PER_SAMPLE, samples

__all__ = ["Bed"]


class Bed:
    """The place in a loop; `advance` moves it, backwards too. `loop` is shared and never changed."""

    def __init__(self, loop: npt.NDArray[np.int16], volume: float) -> None:
        self._loop: npt.NDArray[np.int16] = np.rint(loop * volume).astype(np.int16)
        self._at = 0

    def alone(self, count: int) -> bytes:
        """The next `count` bytes of it."""
        alone: bytes = self._next(count // BYTES_PER_SAMPLE).tobytes()
        return alone

    def under(self, pcm: bytes) -> bytes:
        """Speech with the next of it below, as long as the speech."""
        speech = samples(pcm)
        mixed = speech.astype(np.int32) + self._next(speech.size)
        under: bytes = np.clip(mixed, -32768, 32767).astype("<i2").tobytes()
        return under

    def advance(self, count: int) -> None:
        """So many bytes of it have been used, or, negative, were not after all."""
        self._at = (self._at + count // BYTES_PER_SAMPLE) % self._loop.size

    def _next(self, count: int) -> npt.NDArray[np.int16]:
        first = self._loop[self._at : self._at + count]
        if first.size == count:
            return first
        rest: npt.NDArray[np.int16] = np.resize(self._loop, count - first.size)
        return np.concatenate([first, rest])
