"""One thing the agent says: its sentences, their audio, and how much of it was heard."""

import asyncio
from dataclasses import dataclass

from media.audio.levels import BYTES_PER_SAMPLE, duration, size

_SECONDS_PER_CHARACTER = 0.065
"""Usual pace of speech (about 15 characters a second): the estimate while a sentence's audio is incomplete."""
_READ_AHEAD_SECONDS = 8.0
"""Audio kept ready beyond what was played; the synthesiser waits when there is more."""


@dataclass
class _Sentence:
    text: str
    start: int
    end: int | None = None


class Utterance:
    """Sentences go in by `say` and `finish`; the speaker turns them into audio, plays it and accounts for it.

    Positions are bytes of audio from the utterance's beginning. `interruptible` False: the caller's voice does not
    stop it (a goodbye). `begins_over_caller`: it does not wait for the caller to pause.
    """

    def __init__(self, sample_rate: int, *, interruptible: bool = True) -> None:
        self.interruptible = interruptible
        self.begins_over_caller = False
        self.sentences: asyncio.Queue[str | None] = asyncio.Queue()
        self.task: asyncio.Task[None] | None = None
        self.failed = False
        self.stopped = False
        self.first_audio_at: float | None = None
        self.started_at: float | None = None
        self.done = asyncio.Event()
        self.room = asyncio.Event()
        self._rate = sample_rate
        self._texts: list[str] = []
        self._spoken: list[_Sentence] = []
        self._audio = bytearray()
        self._audio_start = 0
        self._written = 0
        self._played = 0
        self._audio_complete = False

    @property
    def waits_for_caller(self) -> bool:
        """Whether it has not begun and does not before the caller pauses."""
        return self.started_at is None and self.interruptible and not self.begins_over_caller

    # text

    def say(self, sentence: str) -> None:
        """Add a sentence to be spoken after those before it."""
        self._texts.append(sentence)
        self.sentences.put_nowait(sentence)

    def finish(self) -> None:
        """No sentence follows."""
        self.sentences.put_nowait(None)

    @property
    def text(self) -> str:
        """Everything it was given to say so far."""
        return " ".join(self._texts)

    @property
    def expected_text(self) -> str:
        """What it is going to say in all, as far as that is known."""
        return self.text

    def heard(self) -> str:
        """What of the text was played: whole sentences, and of the last one the words that fit the time."""
        if self.done.is_set() and not self.stopped and not self.failed:
            return self.text
        parts = (self._heard_of(sentence) for sentence in self._spoken)
        return " ".join(part for part in parts if part)

    def _heard_of(self, sentence: _Sentence) -> str:
        if sentence.end is not None and self._played >= sentence.end:
            return sentence.text
        estimated = size(len(sentence.text) * _SECONDS_PER_CHARACTER, self._rate)
        total = (
            sentence.end - sentence.start if sentence.end is not None else max(estimated, self._end - sentence.start)
        )
        share = (self._played - sentence.start) / total if total > 0 else 0.0
        words = sentence.text.split()
        return " ".join(words[: int(len(words) * share)]) if share > 0 else ""

    # audio in

    def begin_sentence(self, text: str) -> None:
        """The audio that follows is this sentence."""
        self._spoken.append(_Sentence(text, self._end))

    def add_audio(self, pcm: bytes) -> None:
        """Append audio of the current sentence, at the leg's rate."""
        self._audio += pcm

    def end_sentence(self) -> None:
        """The current sentence's audio is complete."""
        self._spoken[-1].end = self._end

    def complete_audio(self) -> None:
        """No audio follows."""
        self._audio_complete = True

    async def wait_for_room(self) -> None:
        """Return when less than the read-ahead is waiting to be played."""
        while duration(self._end - self._written, self._rate) > _READ_AHEAD_SECONDS:
            self.room.clear()
            await self.room.wait()

    @property
    def _end(self) -> int:
        return self._audio_start + len(self._audio)

    # audio out

    @property
    def has_audio(self) -> bool:
        """Whether there is audio not yet written to the leg."""
        return self._written < self._end

    @property
    def all_written(self) -> bool:
        """Whether all its audio is known and written to the leg."""
        return self._audio_complete and not self.has_audio

    def next_audio(self, most: int) -> bytes:
        """Up to so many bytes that follow what was written, whole samples."""
        start = self._written - self._audio_start
        return bytes(self._audio[start : start + most // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE])

    def wrote(self, count: int) -> None:
        """The leg took so many bytes."""
        self._written += count

    def account(self, queued: int) -> None:
        """The leg still holds `queued` bytes of it: what is older was played and is forgotten."""
        self._played = max(self._played, self._written - queued)
        if self._played > self._audio_start:
            del self._audio[: self._played - self._audio_start]
            self._audio_start = self._played
        self.room.set()

    def take_back(self, dropped: int) -> None:
        """The leg dropped so many bytes unplayed: they come next again."""
        self._written = max(self._written - dropped, self._played)
        self._played = self._written
