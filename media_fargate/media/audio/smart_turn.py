"""End-of-turn prediction with smart-turn v3.2: does the way it sounds say that the speaker has finished?"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from media.audio.levels import FULL_SCALE, samples
from media.audio.onnx import open_session
from media.audio.resample import StreamResampler

MODEL_FILE = "smart-turn-v3.2-cpu.onnx"
Floats = npt.NDArray[np.float32]

# The model was trained on Whisper's features: 80 mel bands of 25 ms windows each 10 ms, over the last 8 s.
_RATE = 16000
_SECONDS = 8
_WINDOW, _HOP, _BANDS = 400, 160, 80
_COMPLETE_FROM = 0.5


class SmartTurn:
    """One model and one thread for all calls of a process; a judgement takes about 50 ms of a core.

    It calls many unfinished sentences finished, so it may only lengthen a wait, never shorten one.
    """

    def __init__(self, model_cache: Path) -> None:
        self._session = open_session(model_cache / MODEL_FILE)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="end-of-turn")

    async def is_complete(self, pcm: bytes, sample_rate: int) -> bool:
        """Whether the last seconds of speech (16-bit mono PCM) sound finished."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self.probability, pcm, sample_rate) >= _COMPLETE_FROM

    def probability(self, pcm: bytes, sample_rate: int) -> float:
        """That the turn is complete, 0..1. Blocking."""
        resampler = StreamResampler(sample_rate, _RATE)
        sound = samples(resampler.push(pcm) + resampler.flush()).astype(np.float32) / np.float32(FULL_SCALE)
        (result,) = self._session.run(None, {"input_features": whisper_features(sound)[np.newaxis]})
        return float(result[0, 0])

    def close(self) -> None:
        """Stop the thread after what it is judging."""
        self._executor.shutdown(wait=True)


def whisper_features(sound: Floats) -> Floats:
    """Log-mel features [80, 800] of the last 8 s at 16 kHz (samples -1..1); shorter sound is preceded by silence."""
    length = _SECONDS * _RATE
    padded = np.zeros(length, np.float32)
    recent = sound[-length:]
    padded[length - recent.size :] = recent
    padded = (padded - padded.mean()) / np.sqrt(padded.var() + 1e-7)
    framed = np.lib.stride_tricks.sliding_window_view(np.pad(padded, _WINDOW // 2, mode="reflect"), _WINDOW)[::_HOP]
    window = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    power = np.abs(np.fft.rfft(framed[: length // _HOP] * window, axis=1)) ** 2
    level = np.log10(np.maximum(_mel_filters() @ power.T, 1e-10))
    level = np.maximum(level, level.max() - 8.0)
    features: Floats = ((level + 4.0) / 4.0).astype(np.float32)
    return features


@cache
def _mel_filters() -> npt.NDArray[np.float64]:
    """Triangular filters [80, 201] on Slaney's mel scale from 0 to 8 kHz, each of unit area."""
    edges = _mel_to_hertz(np.linspace(0.0, _hertz_to_mel(_RATE / 2), _BANDS + 2))
    bins = np.linspace(0.0, _RATE / 2, _WINDOW // 2 + 1)
    rising = (bins - edges[:-2, np.newaxis]) / np.diff(edges)[:-1, np.newaxis]
    falling = (edges[2:, np.newaxis] - bins) / np.diff(edges)[1:, np.newaxis]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return triangles * (2.0 / (edges[2:] - edges[:-2]))[:, np.newaxis]


# Slaney's scale: linear (200/3 Hz a mel) up to 1 kHz, logarithmic above (27 steps to 6.4 kHz)
_LINEAR, _BREAK_HERTZ, _LOG_STEP = 200.0 / 3.0, 1000.0, np.log(6.4) / 27.0


def _hertz_to_mel(hertz: float) -> float:
    return float(_BREAK_HERTZ / _LINEAR + np.log(hertz / _BREAK_HERTZ) / _LOG_STEP)


def _mel_to_hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    above = _BREAK_HERTZ * np.exp(_LOG_STEP * (mel - _BREAK_HERTZ / _LINEAR))
    return np.where(mel < _BREAK_HERTZ / _LINEAR, mel * _LINEAR, above)
