"""Speech to text with Moonshine: each utterance is recognised when it ends, with interim text on the way."""

import asyncio
import re
from collections.abc import AsyncIterator

import numpy as np

from media.speech.adapters import AdapterContext
from media.speech.interfaces import ProviderError, ProviderUsage, RecognitionSession, Transcript
from media.speech.local import moonshine
from media.speech.local.models import LocalModels, local_models
from media.speech.local.pcm import Samples, from_pcm, loudness, quietest, resample, trim
from sovereign.catalog.stt import LocalStt

# The model was made for utterances of a few seconds: longer ones are cut at a quiet place.
_LONGEST_SECONDS, _EARLIEST_CUT_SECONDS = 15.0, 10.0
_SHORTEST_SECONDS = 0.12
_INTERIM_EVERY_SECONDS = 1.0
# -46 dBFS: below speech on any telephone line, above its noise.
_SPEECH_RMS = 0.005
_KEEP_BEFORE_SECONDS, _KEEP_AFTER_SECONDS = 0.5, 0.25
# The model invents fewer words for short sounds when they are followed by silence.
_PAD_SECONDS = 0.3
# Silence before the first speech is dropped beyond this, so that a long wait costs nothing.
_LEAD_SECONDS = 1.0
# Sounds this far apart are recognised apart: of a key tone or a knock, a pause and then words in one piece the model
# often makes nothing at all. Longer than it takes to notice the end of speech, so that words are seldom parted.
_PAUSE_SECONDS = 0.4
_JUDGED_SECONDS = 0.06
_OLD_SPELLING = re.compile(r"\b(?:to-(?:morrow|day|night)|good-bye)\b", re.IGNORECASE)


class LocalRecogniser:
    """Opens sessions on the shared model."""

    def __init__(self, models: LocalModels, *, interim: bool = True) -> None:
        self._models = models
        self._interim = interim

    async def open(self, sample_rate: int) -> RecognitionSession:
        """A session for 16-bit PCM at `sample_rate` Hz. Raises ProviderError when the model is not installed."""
        await self._models.run(lambda: self._models.moonshine)
        return LocalSession(self._models, sample_rate, interim=self._interim)


class LocalSession:
    """One caller's stream. Recognition costs about 0.07 s of a core per second of speech."""

    def __init__(self, models: LocalModels, sample_rate: int, *, interim: bool) -> None:
        self._models = models
        self._rate = sample_rate
        self._interim = interim
        self._audio = bytearray()
        self._heard = False
        self._quiet = 0
        self._finished: list[asyncio.Task[str]] = []
        self._interim_task: asyncio.Task[None] | None = None
        self._next_interim = self._bytes(_INTERIM_EVERY_SECONDS)
        self._seconds = 0.0
        self._closed = False
        self._out: asyncio.Queue[Transcript | ProviderError | None] = asyncio.Queue()

    async def feed(self, pcm: bytes) -> None:
        """Add audio; what ended with a pause, and a full buffer, is recognised in the background."""
        if self._closed or not pcm:
            return
        self._seconds += len(pcm) / 2 / self._rate
        step = self._bytes(_JUDGED_SECONDS)
        for at in range(0, len(pcm), step):
            self._take(pcm[at : at + step])
        if self._interim and self._heard and len(self._audio) >= self._next_interim and self._models.idle:
            self._next_interim = len(self._audio) + self._bytes(_INTERIM_EVERY_SECONDS)
            self._interim_task = asyncio.create_task(self._say_interim(self._audio, list(self._finished)))

    async def finalise(self) -> str:
        """Recognise what was fed since the last time; "" for silence. Raises ProviderError."""
        pieces, self._finished = self._finished, []
        audio, heard = bytes(self._audio), self._heard
        self._start_over()
        last = await self._recognise(audio) if heard else ""
        text = _joined([*[await piece for piece in pieces], last])
        if text and not self._closed:
            self._out.put_nowait(Transcript(text, final=True))
        return text

    async def transcripts(self) -> AsyncIterator[Transcript]:
        """Interim and final text until the session is closed."""
        while (entry := await self._out.get()) is not None:
            if isinstance(entry, ProviderError):
                raise entry
            yield entry

    @property
    def usage(self) -> ProviderUsage:
        """Seconds of audio heard; free."""
        return ProviderUsage(audio_seconds=round(self._seconds, 3), cost_usd=0.0)

    async def close(self) -> None:
        """Stop; text not yet recognised is dropped."""
        if self._closed:
            return
        self._closed = True
        for task in [*self._finished, *([self._interim_task] if self._interim_task else [])]:
            task.cancel()
        self._out.put_nowait(None)

    def _start_over(self) -> None:
        self._audio = bytearray()
        self._heard = False
        self._next_interim = self._bytes(_INTERIM_EVERY_SECONDS)

    def _take(self, pcm: bytes) -> None:
        self._audio += pcm
        if self._has_speech(pcm):
            self._heard, self._quiet = True, 0
        else:
            self._quiet += len(pcm)
        if not self._heard:
            del self._audio[: -self._bytes(_LEAD_SECONDS)]
        elif self._quiet >= self._bytes(_PAUSE_SECONDS):
            self._cut(len(self._audio) - self._bytes(_PAUSE_SECONDS / 2))
            self._heard = False
        elif len(self._audio) >= self._bytes(_LONGEST_SECONDS):
            self._cut(2 * quietest(from_pcm(bytes(self._audio)), self._rate, _EARLIEST_CUT_SECONDS))

    def _cut(self, at: int) -> None:
        self._finished.append(asyncio.create_task(self._recognise(bytes(self._audio[:at]))))
        self._audio = self._audio[at:]
        self._next_interim = len(self._audio) + self._bytes(_INTERIM_EVERY_SECONDS)

    async def _say_interim(self, buffer: bytearray, pieces: list[asyncio.Task[str]]) -> None:
        if buffer is not self._audio:
            return
        try:
            text = await self._recognise(bytes(buffer))
            before = [await piece for piece in pieces]
        except ProviderError as failure:
            self._out.put_nowait(failure)
            return
        # an utterance that ended meanwhile has its final text already
        if text and buffer is self._audio and not self._closed:
            self._out.put_nowait(Transcript(_joined([*before, text]), final=False))

    async def _recognise(self, audio: bytes) -> str:
        try:
            return await self._models.run(self._transcribe, audio)
        except (RuntimeError, ValueError) as failure:
            raise ProviderError("local", f"recognition failed: {type(failure).__name__}", retryable=True) from failure

    def _transcribe(self, audio: bytes) -> str:
        sound = trim(
            from_pcm(audio),
            self._rate,
            threshold=_SPEECH_RMS,
            before=_KEEP_BEFORE_SECONDS,
            after=_KEEP_AFTER_SECONDS,
        )
        if len(sound) < _SHORTEST_SECONDS * self._rate:
            return ""
        level = _levelled(resample(sound, self._rate, moonshine.SAMPLE_RATE))
        padded = np.pad(level, (0, int(_PAD_SECONDS * moonshine.SAMPLE_RATE)))
        return _modern(self._models.moonshine.transcribe(padded))

    def _has_speech(self, pcm: bytes) -> bool:
        # at least one whole frame, however small the packets are
        recent = bytes(self._audio[-max(len(pcm), self._bytes(0.02)) :])
        levels = loudness(from_pcm(recent), self._rate)
        return bool(len(levels)) and float(levels.max()) >= _SPEECH_RMS

    def _bytes(self, seconds: float) -> int:
        return int(seconds * self._rate) * 2


def _joined(pieces: list[str]) -> str:
    return " ".join(piece for piece in pieces if piece)


def _levelled(sound: Samples) -> Samples:
    """Bring quiet callers up; the model was trained on speech near full scale."""
    peak = float(np.abs(sound).max())
    return sound * np.float32(min(10.0, 0.7 / peak)) if 0 < peak < 0.5 else sound


def _modern(text: str) -> str:
    """Today's spelling of the words the model hyphenates: "to-morrow", "good-bye"."""
    return _OLD_SPELLING.sub(lambda match: match[0].replace("-", ""), text)


def open_adapter(_config: LocalStt, context: AdapterContext) -> LocalRecogniser:
    """The recogniser on the process's models."""
    return LocalRecogniser(local_models(context.model_cache))
