"""Hearing again what the agent said: audio from the wire through the local recogniser."""

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.signal import resample_poly

from media.speech.local.moonshine import Moonshine
from tests.e2e.platform_process import model_cache

RATE = 8000
_FRAME = RATE // 50
_LOUD = 200.0
_PAUSE_FRAMES = 30


@cache
def _moonshine() -> Moonshine:
    return Moonshine(model_cache() / "moonshine-base-en")


def utterances(pcm: npt.NDArray[np.int16]) -> list[npt.NDArray[np.int16]]:
    """The stretches of sound in 8 kHz audio, parted by 0.6 s of quiet, each with 0.2 s around it."""
    frames = pcm[: len(pcm) // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float64)
    loud = np.flatnonzero(np.sqrt((frames**2).mean(axis=1)) > _LOUD)
    if not loud.size:
        return []
    parts = np.split(loud, np.flatnonzero(np.diff(loud) > _PAUSE_FRAMES) + 1)
    return [pcm[max(0, (part[0] - 10) * _FRAME) : (part[-1] + 10) * _FRAME] for part in parts]


def transcribe(pcm: npt.NDArray[np.int16]) -> str:
    """The words in 8 kHz audio of any length."""
    heard = (_moonshine().transcribe(_prepared(part)) for part in utterances(pcm))
    return " ".join(heard)


def _prepared(pcm: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
    wide: npt.NDArray[np.float32] = resample_poly(pcm.astype(np.float32) / 32768, 2, 1).astype(np.float32)
    return wide
