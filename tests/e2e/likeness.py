"""Finding a known sound in what was heard, and how much of it came through as it was."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import correlate

RATE = 8000
_FRAME = RATE // 50
_MOVES = 5
_AUDIBLE = 100.0
_SAME = 0.02
"""Share of a frame's energy that may differ: G.711 alone makes it a thousandth."""


@dataclass(frozen=True)
class Found:
    """Where a sound begins (sample), and the share of its audible 20 ms frames that are there unchanged, up to five
    frames earlier or later: a jitter buffer that settles moves them."""

    at: int
    unchanged: float


def find(sound: npt.NDArray[np.int16], heard: npt.NDArray[np.int16]) -> Found:
    """The place where `heard` is most like `sound`."""
    wanted, there = sound.astype(np.float64), heard.astype(np.float64)
    assert len(there) >= len(wanted), "less was heard than is looked for"
    at = int(np.argmax(correlate(there, wanted, mode="valid", method="fft")))
    size = len(wanted) // _FRAME * _FRAME
    frames = wanted[:size].reshape(-1, _FRAME)
    energy = (frames**2).sum(axis=1)
    audible = energy > _FRAME * _AUDIBLE**2
    moves = [at + frames_late * _FRAME for frames_late in range(-_MOVES, _MOVES + 1)]
    same = [
        (((there[place : place + size].reshape(-1, _FRAME) - frames) ** 2).sum(axis=1) <= _SAME * energy)
        for place in moves
        if 0 <= place <= len(there) - size
    ]
    return Found(at, float(np.any(same, axis=0)[audible].mean()))


def onset(sound: npt.NDArray[np.int16], loud: int = 500) -> int:
    """The first loud sample."""
    return int(np.flatnonzero(np.abs(sound.astype(int)) > loud)[0])


def last(sound: npt.NDArray[np.int16], loud: int = 500) -> int:
    """The last loud sample."""
    return int(np.flatnonzero(np.abs(sound.astype(int)) > loud)[-1])
