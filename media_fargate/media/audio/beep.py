"""Finds an answering machine's beep in telephone audio: one steady tone, which neither speech nor a key makes."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEAST_SECONDS = 0.15
"""A shorter tone is a click or the edge of something else."""
LONGEST_SECONDS = 5.0
"""A longer one is a line tone, not a beep."""
_WINDOW_SECONDS = 0.032
_LOWEST_HZ, _HIGHEST_HZ = 350.0, 2600.0
_PURE = 0.93
"""Share of the energy that lies in the tone itself."""
_STEADY_HZ = 12.0
_STEADY_FACTOR = 1.45
"""How much frequency and amplitude may differ from one window to the next: a sung vowel differs by more."""
_QUIETEST = 250.0
"""Root mean square of 16-bit samples below which nothing is taken for a tone."""


@dataclass(frozen=True)
class _Tone:
    hertz: float
    level: float


class BeepDetector:
    """Push 16-bit mono PCM; `beeping` is the tone's frequency in hertz once it has lasted long enough and until it
    ends, else None."""

    def __init__(self, sample_rate: int) -> None:
        self._window = int(_WINDOW_SECONDS * sample_rate)
        self._shape = np.hanning(self._window)
        self._hertz_a_bin = sample_rate / self._window
        self._left: npt.NDArray[np.int16] = np.zeros(0, np.int16)
        self._tone: _Tone | None = None
        self._lasted = 0
        self.beeping: float | None = None

    def push(self, pcm: bytes) -> None:
        """Take the audio that follows."""
        samples = np.concatenate([self._left, np.frombuffer(pcm, np.int16)])
        whole = samples.size // self._window * self._window
        for start in range(0, whole, self._window):
            self._judge(samples[start : start + self._window])
        self._left = samples[whole:]

    def _judge(self, window: npt.NDArray[np.int16]) -> None:
        before, self._tone = self._tone, self._tone_of(window)
        if self._tone is None:
            self._lasted = 0
        else:
            self._lasted = self._lasted + 1 if before and _same(before, self._tone) else 1
        seconds = self._lasted * _WINDOW_SECONDS
        long_enough = LEAST_SECONDS <= seconds <= LONGEST_SECONDS
        self.beeping = self._tone.hertz if self._tone and long_enough else None

    def _tone_of(self, window: npt.NDArray[np.int16]) -> _Tone | None:
        samples = window.astype(np.float64)
        level = math.sqrt(float(np.mean(samples**2)))
        if level < _QUIETEST:
            return None
        power = np.abs(np.fft.rfft(samples * self._shape)) ** 2
        peak = int(power.argmax())
        around = power[max(1, peak - 2) : peak + 3]
        if around.sum() < _PURE * power[1:].sum():
            return None
        place = float((np.arange(max(1, peak - 2), peak + 3)[: around.size] * around).sum() / around.sum())
        hertz = place * self._hertz_a_bin
        return _Tone(hertz, level) if _LOWEST_HZ <= hertz <= _HIGHEST_HZ else None


def _same(one: _Tone, other: _Tone) -> bool:
    louder = max(one.level, other.level) / min(one.level, other.level)
    return abs(one.hertz - other.hertz) <= _STEADY_HZ and louder <= _STEADY_FACTOR
