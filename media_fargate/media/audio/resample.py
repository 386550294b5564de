"""Streaming sample-rate conversion: chunks of any size in, the same signal out, no clicks at the seams."""

from functools import cache
from math import gcd

import numpy as np
import numpy.typing as npt
from scipy.signal import firwin, upfirdn

from media.audio.levels import samples, to_pcm

_TAPS_PER_SIDE = 12
"""Half length of the filter in samples of the slower rate: 70 dB of stop band costs 1.5 ms of delay at 8 kHz."""
_KAISER_BETA = 7.0


class StreamResampler:
    """Converts 16-bit PCM from one rate to another with a polyphase filter; one instance a stream.

    `push` returns what can be known so far (about 1.5 ms behind), `flush` the rest: in all exactly
    ceil(samples_in * to_rate / from_rate) samples, aligned with the input.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        if from_rate <= 0 or to_rate <= 0:
            raise ValueError(f"sample rates must be positive, not {from_rate} and {to_rate}")
        divisor = gcd(from_rate, to_rate)
        self._up, self._down = to_rate // divisor, from_rate // divisor
        self._odd_byte = b""
        self._taps, self._delay = _filter(self._up, self._down)
        self._reset()

    def _reset(self) -> None:
        # `_kept` starts at input sample `_base`, always a multiple of `down`, so that output phases line up
        self._base = 0
        self._kept: npt.NDArray[np.float32] = np.zeros(0, np.float32)
        self._sent = 0

    def push(self, pcm: bytes) -> bytes:
        """Convert the next chunk; an odd byte waits for its other half."""
        pcm = self._odd_byte + pcm
        self._odd_byte = pcm[len(pcm) & ~1 :]
        if self._up == self._down:
            return pcm[: len(pcm) & ~1]
        self._kept = np.concatenate([self._kept, samples(pcm).astype(np.float32)])
        arrived = self._base + self._kept.size
        # output n needs inputs up to (n * down + delay) / up
        known = max(0, (arrived * self._up - 1 - self._delay) // self._down + 1)
        return self._take(known)

    def flush(self) -> bytes:
        """End the stream: what was still held back. The instance can then convert another stream."""
        self._odd_byte = b""
        if self._up == self._down:
            return b""
        total = -(-(self._base + self._kept.size) * self._up // self._down)
        rest = self._take(total)
        self._reset()
        return rest

    def _take(self, until: int) -> bytes:
        """Outputs from the last one sent up to `until`; inputs no later output needs are dropped."""
        if until <= self._sent:
            return b""
        shift = (self._delay - self._base * self._up) // self._down
        filtered = upfirdn(self._taps, self._kept, self._up, self._down)
        wanted = np.zeros(until - self._sent, np.float32)
        found = filtered[self._sent + shift : until + shift]
        wanted[: found.size] = found
        self._sent = until
        self._drop_used()
        return to_pcm(wanted)

    def _drop_used(self) -> None:
        oldest = (self._sent * self._down + self._delay - self._taps.size + 1) // self._up
        base = max(self._base, oldest // self._down * self._down)
        self._kept = self._kept[base - self._base :]
        self._base = base


@cache
def _filter(up: int, down: int) -> tuple[npt.NDArray[np.float32], int]:
    """Low-pass taps at the raised rate and their delay there, made a multiple of `down` by leading zeros."""
    slower = max(up, down)
    half = _TAPS_PER_SIDE * slower
    taps = firwin(2 * half + 1, 0.92 / slower, window=("kaiser", _KAISER_BETA)) * up
    padding = -half % down
    return np.concatenate([np.zeros(padding), taps]).astype(np.float32), half + padding
