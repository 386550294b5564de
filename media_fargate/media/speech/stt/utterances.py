"""Recognisers that give the end of a text only with the end of a stream: one stream an utterance."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Protocol

from media.speech.failures import timed_out
from media.speech.interfaces import ProviderError
from media.speech.stt.stream import CLOSE_SECONDS, VendorStream

_LONGEST_SECONDS = 240.0
"""A stream is replaced after this long even when nobody has stopped speaking: vendors end one after five minutes."""
_IDLE_SECONDS = 2.0
"""A stream without audio for one to two times this long (a line on hold brings none) is ended while its text can still
be had: vendors break one off after five seconds or more."""
_FINISH_SECONDS = 4.0


class Ear(Protocol):
    """What one utterance's stream tells about the text, in pieces: `text` is what was said since the last final one."""

    def __call__(self, text: str, *, final: bool, confidence: float | None = None) -> None:
        """Text arrived."""


class Utterance(ABC):
    """One utterance's stream."""

    @abstractmethod
    async def send(self, pcm: bytes) -> None:
        """Send audio. Raises ProviderError when the stream has failed."""

    @abstractmethod
    async def finish(self) -> None:
        """End the audio and wait for the last text. Raises ProviderError; bounded by the caller."""

    @abstractmethod
    async def close(self) -> None:
        """Release it; may raise anything."""


Opener = Callable[[Ear, Callable[[ProviderError], None]], Awaitable[Utterance]]
"""Connects a stream that tells its text and, when it breaks, why."""


class _Part:
    """An utterance's stream and what it has said so far."""

    def __init__(self, take: Ear) -> None:
        self.texts: list[str] = []
        self.bytes = 0
        self.began = asyncio.get_running_loop().time()
        self.stream: Utterance | None = None
        self._take = take

    def hear(self, text: str, *, final: bool, confidence: float | None = None) -> None:
        if final and text:
            self.texts.append(text)
        self._take(text, final=final, confidence=confidence)


class UtteranceStreams(VendorStream):
    """A `RecognitionSession` made of streams that follow each other; the next is opened when audio comes."""

    def __init__(self, provider: str, sample_rate: int, opener: Opener) -> None:
        super().__init__(provider, sample_rate)
        self._opener = opener
        self._current: _Part | None = None
        self._ended: list[asyncio.Task[str]] = []
        self._leaving: set[asyncio.Task[None]] = set()
        self._opening = asyncio.Lock()

    async def connect(self) -> None:
        """Open the first stream, so that a bad key is known at once. Raises ProviderError."""
        await self._part()
        self._tasks = [asyncio.create_task(self._end_idle())]  # one that did not open is closed by nobody

    async def finalise(self) -> str:
        """The text of what was fed since the last time, within 4 s. Raises ProviderError."""
        self._check()
        if self._bytes > self._finalised_bytes:
            self._finalised_bytes = self._bytes
            self._replace()
        self._final.clear()  # each stream keeps its own
        ended, self._ended = self._ended, []
        texts = [await ending for ending in ended]
        self._check()
        return " ".join(text for text in texts if text)

    async def _send_audio(self, pcm: bytes) -> None:
        if self._current and asyncio.get_running_loop().time() - self._current.began > _LONGEST_SECONDS:
            self._replace()
        part = await self._part()
        part.bytes += len(pcm)
        if part.stream is not None:
            await part.stream.send(pcm)

    async def _end_utterance(self) -> None:
        """Nothing to say: the end of a stream is the end of its utterance."""

    async def _goodbye(self) -> None:
        for ending in self._ended:
            ending.cancel()
        await asyncio.gather(*self._ended, return_exceptions=True)
        if self._current and self._current.stream:
            self._leave(self._current.stream)
        await asyncio.gather(*self._leaving)

    def _replace(self) -> None:
        """End the current stream in the background; the next audio opens another."""
        part, self._current = self._current, None
        if part is not None:
            self._ended.append(asyncio.create_task(self._finish(part)))

    async def _finish(self, part: _Part) -> str:
        if part.stream is None:
            return ""
        try:
            async with asyncio.timeout(_FINISH_SECONDS):
                await part.stream.finish()
        except TimeoutError:
            self._fail(timed_out(self._provider))
        except ProviderError as failure:
            self._fail(failure)
        finally:
            self._leave(part.stream)
        return " ".join(part.texts)

    def _leave(self, stream: Utterance) -> None:
        """Close a stream; nobody waits for its goodbye while there is text to be told."""
        leaving = asyncio.create_task(_closed(stream))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def _end_idle(self) -> None:
        while True:
            self._fed.clear()
            await asyncio.sleep(_IDLE_SECONDS)
            if not self._fed.is_set() and self._current and self._current.bytes:
                self._replace()

    async def _part(self) -> _Part:
        async with self._opening:
            if self._current is None:
                part = _Part(self._take)
                try:
                    part.stream = await self._opener(part.hear, lambda failure: self._broken(part, failure))
                except ProviderError as failure:
                    self._fail(failure)
                    raise
                self._current = part
            return self._current

    def _broken(self, part: _Part, failure: ProviderError) -> None:
        """A stream ended by itself: no matter if it has heard nothing yet, for the next audio opens another."""
        if part.bytes or not failure.retryable:
            self._fail(failure)
        elif self._current is part:
            self._current = None
            if part.stream is not None:  # what it still holds is nobody else's to release
                self._leave(part.stream)


async def _closed(stream: Utterance) -> None:
    with contextlib.suppress(Exception):
        async with asyncio.timeout(CLOSE_SECONDS):
            await stream.close()
