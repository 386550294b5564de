"""Voice activity: one Silero worker for all calls of a process, batched, off the event loop."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from aws_lambda_powertools import Logger

from media.audio.levels import BYTES_PER_SAMPLE, FULL_SCALE, duration, samples
from media.audio.onnx import open_session
from media.audio.resample import StreamResampler

MODEL_FILE = "silero_vad.onnx"
SAMPLE_RATE = 8000
WINDOW_SAMPLES = 256
"""What the 8 kHz model judges at a time: 32 ms."""
_CONTEXT_SAMPLES = 32
_WINDOW_BYTES, _CONTEXT_BYTES = WINDOW_SAMPLES * BYTES_PER_SAMPLE, _CONTEXT_SAMPLES * BYTES_PER_SAMPLE
_STATE_SHAPE = (2, 1, 128)
_MODEL_RATE: npt.NDArray[np.int64] = np.array(SAMPLE_RATE, np.int64)
_QUIET_WINDOWS, _QUIET_PROBABILITY = 16, 0.35
"""After half a second without speech the model forgets what it heard: its state drifts in long calls until it misses
the beginning of a turn. Over 80 recordings one after another, 0.3 s of speech were noticed 42 ms earlier (median) and
4 of them over 0.1 s late in place of 16."""

logger = Logger(child=True)


class VoiceWindow(NamedTuple):
    """One judged stretch of the caller's audio. `start` and `end` are moments on the event loop's clock, derived from
    when its samples arrived, not from when it was judged; `probability` of speech is 0..1."""

    start: float
    end: float
    probability: float


Deliver = Callable[[Sequence[VoiceWindow]], None]
"""Receives a call's windows in order, on the event loop."""


class VoiceChannel(Protocol):
    """One call's way into a voice activity detector."""

    def push(self, pcm: bytes, arrived: float) -> None:
        """Hand over audio whose last sample arrived at `arrived` (loop clock). Raises when the detector has died."""

    @property
    def backlog(self) -> float:
        """Seconds of audio pushed and not yet judged (up to one window is normal)."""

    def close(self) -> None:
        """Forget the call; nothing is delivered afterwards."""


class VoiceActivity(Protocol):
    """Judges whether somebody speaks, for many calls."""

    def open(self, sample_rate: int, deliver: Deliver) -> VoiceChannel:
        """Start judging a call whose audio has this rate."""

    def kick(self) -> None:
        """Judge what has been pushed; called once after a round of pushes."""


class VoiceDetectorDiedError(RuntimeError):
    """The detector's thread is gone; calls cannot go on."""


class SileroWorker:
    """A thread that judges the windows of all calls together; results come back by one loop callback a batch.

    `on_died` is called on the loop when the thread is gone: no later call can be heard then.
    """

    def __init__(self, model_cache: Path, on_died: Callable[[], object] = lambda: None) -> None:
        self._session = open_session(model_cache / MODEL_FILE)
        self._loop = asyncio.get_running_loop()
        self._on_died = on_died
        self._channels: set[_Channel] = set()
        self._wake = threading.Event()
        self._stopped = False
        self.died: Exception | None = None
        self._thread = threading.Thread(target=self._work, name="voice-activity", daemon=True)
        self._thread.start()

    def open(self, sample_rate: int, deliver: Deliver) -> "VoiceChannel":
        """Start judging a call; its channel is used from the event loop only."""
        channel = _Channel(self, sample_rate, deliver)
        self._channels.add(channel)
        return channel

    def kick(self) -> None:
        """Wake the thread; cheap when it is already awake."""
        self._wake.set()

    def forget(self, channel: "_Channel") -> None:
        """Stop judging a call."""
        self._channels.discard(channel)

    def close(self) -> None:
        """End the thread; waits for the batch it is in (milliseconds)."""
        self._stopped = True
        self._wake.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            while not self._stopped:
                self._wake.wait()
                self._wake.clear()
                self._judge_all()
        except Exception as failure:  # the thread must tell the calls instead of dying silently
            self.died = failure
            logger.exception("voice_detector_died", exception_name=type(failure).__name__)
            self._loop.call_soon_threadsafe(self._on_died)

    def _judge_all(self) -> None:
        """Judge until no channel has a whole window left, one window of each channel a run."""
        judged: dict[_Channel, list[VoiceWindow]] = {}
        ready = [channel for channel in list(self._channels) if channel.take_in()]
        while ready:
            for channel, window in zip(ready, self._run(ready), strict=True):
                judged.setdefault(channel, []).append(window)
            ready = [channel for channel in ready if channel.has_window]
        if judged and not self._stopped:
            self._loop.call_soon_threadsafe(_deliver_all, judged)

    def _run(self, ready: "Sequence[_Channel]") -> list[VoiceWindow]:
        # the number library is asked once for all of them: by its calls, not the samples, it costs
        heard = samples(b"".join([channel.cut_window() for channel in ready])).reshape(len(ready), -1)
        state = np.concatenate([channel.state for channel in ready], axis=1)
        feed = {"input": heard / np.float32(FULL_SCALE), "state": state, "sr": _MODEL_RATE}
        judged, state = self._session.run(None, feed)
        probabilities: list[float] = judged[:, 0].tolist()
        for row, channel in enumerate(ready):
            channel.remember(state[:, row : row + 1], probabilities[row])
        return [_window(channel.judged_until, p) for channel, p in zip(ready, probabilities, strict=True)]


def _window(end: float, probability: float) -> VoiceWindow:
    return VoiceWindow(end - WINDOW_SAMPLES / SAMPLE_RATE, end, probability)


def _deliver_all(judged: "dict[_Channel, list[VoiceWindow]]") -> None:
    for channel, windows in judged.items():
        channel.deliver(windows)


class _Channel:
    """One call's audio on its way through the worker: pushed on the loop, cut and judged in the thread."""

    def __init__(self, worker: SileroWorker, sample_rate: int, deliver: Deliver) -> None:
        self._worker = worker
        self._rate = sample_rate
        self._deliver: Deliver | None = deliver
        self._pushed: deque[tuple[bytes, float]] = deque()
        self._pushed_seconds = 0.0
        self._judged_seconds = 0.0
        # from here on the thread's own
        self._resampler = StreamResampler(sample_rate, SAMPLE_RATE)
        self._buffer = bytearray(_CONTEXT_BYTES)  # the window's context goes before it
        self._buffer_end = 0.0
        self.state: npt.NDArray[np.float32] = np.zeros(_STATE_SHAPE, np.float32)
        self._quiet_windows = 0

    def push(self, pcm: bytes, arrived: float) -> None:
        if self._worker.died is not None:
            raise VoiceDetectorDiedError("the voice activity worker has died") from self._worker.died
        self._pushed.append((pcm, arrived))
        self._pushed_seconds += duration(len(pcm), self._rate)

    @property
    def backlog(self) -> float:
        return max(0.0, self._pushed_seconds - self._judged_seconds)

    def close(self) -> None:
        self._deliver = None
        self._worker.forget(self)

    def deliver(self, windows: Sequence[VoiceWindow]) -> None:
        """Hand results over, on the loop."""
        self._judged_seconds += len(windows) * WINDOW_SAMPLES / SAMPLE_RATE
        if self._deliver is not None:
            self._deliver(windows)

    def take_in(self) -> bool:
        """Move pushed audio into the buffer, at the model's rate; whether a whole window waits."""
        while self._pushed:
            pcm, self._buffer_end = self._pushed.popleft()
            self._buffer += self._resampler.push(pcm)
        return self.has_window

    def remember(self, state: npt.NDArray[np.float32], probability: float) -> None:
        """Keep the model's state for the next window."""
        self._quiet_windows = self._quiet_windows + 1 if probability < _QUIET_PROBABILITY else 0
        self.state = np.zeros_like(state) if self._quiet_windows == _QUIET_WINDOWS else state

    @property
    def has_window(self) -> bool:
        """Whether a whole window waits."""
        return len(self._buffer) >= _CONTEXT_BYTES + _WINDOW_BYTES

    def cut_window(self) -> bytearray:
        """Take the next window, its context before it."""
        window = self._buffer[: _CONTEXT_BYTES + _WINDOW_BYTES]
        del self._buffer[:_WINDOW_BYTES]
        return window

    @property
    def judged_until(self) -> float:
        """The moment at which the last sample of the window cut last arrived."""
        return self._buffer_end - duration(len(self._buffer) - _CONTEXT_BYTES, SAMPLE_RATE)
