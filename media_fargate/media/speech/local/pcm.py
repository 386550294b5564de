"""16-bit PCM to samples and back, and where the sound in it is."""

import math

import numpy as np
import numpy.typing as npt
from scipy.signal import resample_poly

Samples = npt.NDArray[np.float32]
"""Mono, -1..1."""

_FRAME_SECONDS = 0.02


def from_pcm(pcm: bytes) -> Samples:
    """Samples of 16-bit little-endian mono PCM."""
    return np.asarray(np.frombuffer(pcm, "<i2").astype(np.float32) / 32768, np.float32)


def to_pcm(samples: Samples) -> bytes:
    """16-bit little-endian PCM; what is out of range is clipped."""
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def resample(samples: Samples, rate: int, target_rate: int) -> Samples:
    """The same sound at another rate (Hz)."""
    if rate == target_rate or not len(samples):
        return samples
    divisor = math.gcd(rate, target_rate)
    return np.asarray(resample_poly(samples, target_rate // divisor, rate // divisor), np.float32)


def loudness(samples: Samples, rate: int) -> Samples:
    """Root mean square of each whole 20 ms frame."""
    frame = int(rate * _FRAME_SECONDS)
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    return np.asarray(np.sqrt((frames**2).mean(1)), np.float32)


def trim(samples: Samples, rate: int, *, threshold: float, before: float, after: float) -> Samples:
    """Cut the quiet ends, leaving `before` and `after` seconds; empty when nothing reaches `threshold` (RMS)."""
    frame = int(rate * _FRAME_SECONDS)
    loud = np.flatnonzero(loudness(samples, rate) >= threshold)
    if not len(loud):
        return samples[:0]
    start = int(loud[0]) * frame - int(before * rate)
    end = (int(loud[-1]) + 1) * frame + int(after * rate)
    return samples[max(0, start) : end]


def quietest(samples: Samples, rate: int, earliest: float) -> int:
    """Index of the middle of the quietest 20 ms after `earliest` seconds: the best place to cut."""
    frame = int(rate * _FRAME_SECONDS)
    skip = int(earliest / _FRAME_SECONDS)
    levels = loudness(samples, rate)[skip:]
    return (skip + int(levels.argmin())) * frame + frame // 2 if len(levels) else len(samples)
