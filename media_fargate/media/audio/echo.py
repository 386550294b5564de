"""Tells the agent's own voice, coming back from the caller's loudspeaker or line, from the caller's.

The caller's last half second is compared with what was played up to half a second before it, by normalised
cross-correlation of the waveforms after pre-emphasis. Recorded callers over an agent's speech stay under 0.23 (98 % of
windows of 0.3 s) and 0.18 (0.5 s); simulated echoes of 6 to 25 dB loss with reverberation, 30 to 300 ms late, are over
0.28 and 0.3 (95 %). Codecs of mobile networks can hide an echo from this; then it counts as a voice, as before.
"""

from collections import deque
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from media.audio.levels import BYTES_PER_SAMPLE, duration, samples, size

LONGEST_DELAY_SECONDS = 0.5
"""Longest way there and back that is looked for."""
SHORTEST_SECONDS, LONGEST_SECONDS = 0.3, 0.5
"""Least and most of the caller's sound that is compared."""
_THRESHOLDS = (0.28, 0.25)
"""At the shortest and the longest."""
_KEPT_SECONDS = 1.5
_JITTER_SECONDS = 0.06
"""Pieces this close are one sound: moments are known by when a process came to look."""
_RATE = 8000
_PRE_EMPHASIS = 0.95
_QUIETEST_SHARE = 0.05
"""Of the loudest stretch's energy: what is quieter is compared as if it were so loud, lest noise should match noise."""
_LEAST_ENERGY = 1.0
"""A sample's, below which there is nothing to compare."""

_Signal = npt.NDArray[np.float32]


class EchoDetector:
    """One call's memory of what was played and what came. Moments are on the event loop's clock."""

    def __init__(self, sample_rate: int) -> None:
        self._played = _Track(sample_rate)
        self._came = _Track(sample_rate)

    def played(self, pcm: bytes, at: float) -> None:
        """This will be heard from `at` on."""
        self._played.put(pcm, at)

    def taken_back(self, at: float) -> None:
        """Nothing that was to be heard after `at` will be."""
        self._played.cut(at)

    def arrived(self, pcm: bytes, at: float) -> None:
        """The line brought this; its last sample at `at`."""
        self._came.put(pcm, at - duration(len(pcm), self._came.line_rate))

    def is_echo(self, start: float, end: float) -> bool:
        """Whether what came between these moments (of its last part) is what was played shortly before."""
        start = max(end - LONGEST_SECONDS, min(start, end - SHORTEST_SECONDS))
        came = _emphasised(self._came.between(start, end))
        played = _emphasised(self._played.between(start - LONGEST_DELAY_SECONDS, end))
        if came.size < int(SHORTEST_SECONDS * _RATE * 0.9) or played.size < came.size or not np.any(played):
            return False
        longer = (came.size / _RATE - SHORTEST_SECONDS) / (LONGEST_SECONDS - SHORTEST_SECONDS)
        threshold = _THRESHOLDS[0] + min(1.0, max(0.0, longer)) * (_THRESHOLDS[1] - _THRESHOLDS[0])
        return likeness(came, played) > threshold


class _Piece(NamedTuple):
    start: float
    end: float
    pcm: bytes


class _Track:
    """The last seconds of one direction, as pieces in time; turned into sound when they are looked at."""

    def __init__(self, line_rate: int) -> None:
        self.line_rate = line_rate
        self._step = max(1, line_rate // _RATE)
        self._seconds_a_byte = 1 / (BYTES_PER_SAMPLE * line_rate)
        self._pieces: deque[_Piece] = deque()

    def put(self, pcm: bytes, start: float) -> None:
        """Add a piece and forget what is too old."""
        pieces = self._pieces
        if pieces and abs(start - pieces[-1].end) < _JITTER_SECONDS:
            start = pieces[-1].end
        pieces.append(_Piece(start, start + len(pcm) * self._seconds_a_byte, pcm))
        oldest = start - _KEPT_SECONDS
        while pieces[0].end < oldest:
            pieces.popleft()

    def cut(self, end: float) -> None:
        """Forget what lies after `end`."""
        while self._pieces and self._pieces[-1].end > end:
            last = self._pieces.pop()
            if last.start < end:
                self._pieces.append(_Piece(last.start, end, last.pcm[: size(end - last.start, self.line_rate)]))
                break

    def between(self, start: float, end: float) -> _Signal:
        """The sound of this stretch of time, silence where there was none."""
        stretch = np.zeros(max(0, round((end - start) * _RATE)), np.float32)
        for piece in self._pieces:
            if piece.end <= start or piece.start >= end:
                continue
            sound = self._sound(piece.pcm)
            place = round((piece.start - start) * _RATE)
            first, last = max(0, -place), min(sound.size, stretch.size - place)
            if first < last:
                stretch[place + first : place + last] = sound[first:last]
        return stretch

    def _sound(self, pcm: bytes) -> _Signal:
        """Several samples of a faster line become one."""
        heard = samples(pcm)
        if self._step == 1:
            return heard.astype(np.float32)
        whole = heard[: heard.size // self._step * self._step]
        slower: _Signal = whole.reshape(-1, self._step).mean(axis=1, dtype=np.float32)
        return slower


def likeness(came: _Signal, played: _Signal) -> float:
    """Largest normalised cross-correlation of `came` with any stretch of `played` of its length, 0..1."""
    energy = float(came @ came)
    if energy < _LEAST_ENERGY * came.size:
        return 0.0
    length = 1 << int(came.size + played.size - 1).bit_length()
    spectrum = np.fft.rfft(played, length) * np.conj(np.fft.rfft(came, length))
    matches = np.abs(np.fft.irfft(spectrum, length)[: played.size - came.size + 1])
    sums = np.concatenate([[0.0], np.cumsum(np.square(played, dtype=np.float64))])
    energies = sums[came.size :] - sums[: -came.size]
    loudest = float(energies.max())
    if loudest < _LEAST_ENERGY * came.size:
        return 0.0
    return float((matches / np.sqrt(np.maximum(energies, _QUIETEST_SHARE * loudest) * energy)).max())


def _emphasised(sound: _Signal) -> _Signal:
    return sound[1:] - np.float32(_PRE_EMPHASIS) * sound[:-1]
