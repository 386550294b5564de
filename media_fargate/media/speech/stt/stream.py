"""What every vendor's stream has in common: figures, text as it comes, the end of an utterance, failing once."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable

from websockets.exceptions import InvalidStatus, WebSocketException

from media.audio.resample import StreamResampler
from media.speech.failures import dropped, refused, timed_out, unreachable
from media.speech.interfaces import ProviderError, ProviderUsage, Transcript

CONNECT_SECONDS = 5.0
CLOSE_SECONDS = 2.0
BYTES_PER_SAMPLE = 2
# Vendors refuse large messages; only audio that is sent again comes in more than this.
_LARGEST_SECONDS = 1.0
# Within this an answer to the end of an utterance comes, if there is anything to answer ...
_QUIET_SECONDS = 1.5
# ... and if words are on their way, this is how long they are waited for: below what the conversation allows.
_TEXT_SECONDS = 4.0
# A vendor may find nothing to answer in a noise; of one that says nothing again, nothing more is expected.
_MOST_UNANSWERED = 2


class VendorStream(ABC):
    """A `RecognitionSession` over one connection. A subclass sends, receives and says what arrived.

    `sent_rate`: the rate the vendor gets, where that is not the line's.
    """

    def __init__(self, provider: str, sample_rate: int, sent_rate: int | None = None) -> None:
        self._provider = provider
        self._sent_rate = sent_rate or sample_rate
        self._resampler = StreamResampler(sample_rate, self._sent_rate) if self._sent_rate != sample_rate else None
        self._bytes_per_second = sample_rate * BYTES_PER_SAMPLE
        self._bytes = self._finalised_bytes = 0
        self._fed = asyncio.Event()
        self._final: list[str] = []
        self._interim = False
        self._unanswered = 0
        self._finalised: asyncio.Future[None] | None = None
        self._failure: ProviderError | None = None
        self._closed = False
        self._out: asyncio.Queue[Transcript | ProviderError | None] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    async def feed(self, pcm: bytes) -> None:
        """Send audio. Raises ProviderError when the stream has failed."""
        self._check()
        self._bytes += len(pcm)
        self._fed.set()
        sent = self._resampler.push(pcm) if self._resampler else pcm
        largest = int(_LARGEST_SECONDS * self._sent_rate) * BYTES_PER_SAMPLE
        for at in range(0, len(sent), largest):
            await self._sending(self._send_audio(sent[at : at + largest]))

    async def finalise(self) -> str:
        """The utterance's text, within 1.5 s if nothing is on its way, else within 4 s.

        Raises ProviderError, also when nothing at all has come since the utterance before the last.
        """
        self._check()
        if self._bytes > self._finalised_bytes:
            self._finalised_bytes = self._bytes
            self._finalised = asyncio.get_running_loop().create_future()
            if self._resampler and (rest := self._resampler.flush()):
                await self._sending(self._send_audio(rest))
            await self._sending(self._end_utterance())
            await self._until_finalised(self._finalised)
        text, self._final = " ".join(self._final), []
        return text

    async def transcripts(self) -> AsyncIterator[Transcript]:
        """Interim and final text. Raises ProviderError when the stream breaks."""
        while (entry := await self._out.get()) is not None:
            if isinstance(entry, ProviderError):
                raise entry from None
            yield entry

    @property
    def usage(self) -> ProviderUsage:
        """Seconds of the line's audio that were sent; the price list is the registry's."""
        return ProviderUsage(audio_seconds=round(self._bytes / self._bytes_per_second, 3))

    async def close(self) -> None:
        """Say goodbye and close; idempotent, never raises."""
        if self._closed:
            return
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        goodbye = asyncio.create_task(self._goodbye())
        _leaving.add(goodbye)
        goodbye.add_done_callback(_left)
        # a library may go on closing after it was told to stop; the call does not wait for that
        if goodbye in (await asyncio.wait([goodbye], timeout=CLOSE_SECONDS))[1]:
            goodbye.cancel()
        self._out.put_nowait(None)

    @abstractmethod
    async def _send_audio(self, pcm: bytes) -> None:
        """Send audio at the vendor's rate."""

    @abstractmethod
    async def _end_utterance(self) -> None:
        """Ask for the text up to here; the answer calls `_answered`, at once if there is nothing to wait for."""

    @abstractmethod
    async def _goodbye(self) -> None:
        """Close the connection; may raise anything."""

    def _take(self, text: str, *, final: bool, confidence: float | None = None) -> None:
        """Text arrived."""
        self._unanswered = 0
        self._interim = bool(text) and not final
        if text:
            if final:
                self._final.append(text)
            self._out.put_nowait(Transcript(text, final, confidence))

    def _answered(self) -> None:
        """All text of the utterance that was ended is here."""
        self._unanswered = 0
        if self._finalised and not self._finalised.done():
            self._finalised.set_result(None)

    def _fail(self, failure: ProviderError) -> None:
        if self._failure is None and not self._closed:
            self._failure = failure
            self._out.put_nowait(failure)
        self._answered()

    def _check(self) -> None:
        if self._failure:
            raise self._failure from None
        if self._closed:
            raise ProviderError(self._provider, "the stream is closed", retryable=False)

    def _silence(self, seconds: float) -> bytes:
        """Silence at the vendor's rate."""
        return bytes(int(seconds * self._sent_rate) * BYTES_PER_SAMPLE)

    async def _sending(self, sending: Awaitable[None]) -> None:
        try:
            await sending
        except (WebSocketException, OSError):
            self._fail(dropped(self._provider))
            self._check()

    async def _until_finalised(self, finalised: asyncio.Future[None]) -> None:
        await asyncio.wait([finalised], timeout=_QUIET_SECONDS)
        if not finalised.done() and self._interim:
            await asyncio.wait([finalised], timeout=_TEXT_SECONDS - _QUIET_SECONDS)
        if not finalised.done():
            self._unanswered += 1
            if self._interim or self._unanswered >= _MOST_UNANSWERED:
                # words that were heard and never confirmed, or nobody there: better asked again than lost
                self._fail(timed_out(self._provider))
        self._check()


_leaving: set[asyncio.Task[None]] = set()


def _left(goodbye: asyncio.Task[None]) -> None:
    _leaving.discard(goodbye)
    if not goodbye.cancelled():
        goodbye.exception()  # whatever it was, nobody is interested any more


def not_connected(provider: str, failure: BaseException) -> ProviderError:
    """The error for a websocket that could not be opened; to be raised `from None`."""
    if isinstance(failure, InvalidStatus):
        return refused(provider, failure.response.status_code)
    return timed_out(provider) if isinstance(failure, TimeoutError) else unreachable(provider)
