"""A recogniser with others behind it."""

import asyncio
from collections.abc import AsyncIterator

from media.speech.failures import timed_out
from media.speech.fallback.chain import PATIENCE_SECONDS, Chain
from media.speech.interfaces import (
    NOTHING_USED,
    ProviderError,
    ProviderUsage,
    Recogniser,
    RecognitionSession,
    Transcript,
)

_REPLAY_SECONDS = 15.0
"""Audio of the running utterance kept for the stream that takes over."""
_BYTES_PER_SAMPLE = 2


class FallbackRecogniser:
    """Opens streams that outlive the recogniser they began with."""

    def __init__(self, chain: Chain[Recogniser]) -> None:
        self._chain = chain

    async def open(self, sample_rate: int) -> RecognitionSession:
        """Connect to whoever of the chain answers. Raises ProviderError when none does."""
        session = FallbackSession(self._chain, sample_rate)
        await session.connect()
        return session


class FallbackSession:
    """One caller's stream. A recogniser that breaks is replaced, and hears the utterance again."""

    def __init__(self, chain: Chain[Recogniser], sample_rate: int) -> None:
        self._chain = chain
        self._rate = sample_rate
        self._kept_bytes = int(_REPLAY_SECONDS * sample_rate) * _BYTES_PER_SAMPLE
        self._inner: RecognitionSession | None = None
        self._recogniser: Recogniser | None = None
        self._utterance = bytearray()
        self._asked = bytearray()
        self._spent = NOTHING_USED
        self._replacing = asyncio.Lock()
        self._leaving: set[asyncio.Task[None]] = set()
        self._closed = False

    async def connect(self) -> None:
        """Open a stream and let it hear what it missed. Raises ProviderError when none is left."""
        while self._inner is None:
            recogniser = await self._chain.current()
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    opened = await recogniser.open(self._rate)
                    self._inner = await self._heard_again(opened)
            except ProviderError as failure:
                self._chain.failed(failure, recogniser)
            except TimeoutError:
                self._chain.failed(timed_out("recogniser"), recogniser)
            else:
                self._recogniser = recogniser

    async def feed(self, pcm: bytes) -> None:
        """Send audio. Raises ProviderError when every recogniser failed."""
        inner = await self._session()
        self._utterance += pcm
        del self._utterance[: -self._kept_bytes]
        try:
            await inner.feed(pcm)
        except ProviderError as failure:
            await self._replace(inner, failure)

    async def finalise(self) -> str:
        """The utterance's text. Raises ProviderError when every recogniser failed."""
        while True:
            inner = await self._session()
            self._asked += self._utterance
            del self._asked[: -self._kept_bytes]
            self._utterance.clear()
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    text = await inner.finalise()
            except ProviderError as failure:
                await self._replace(inner, failure)
            except TimeoutError:
                await self._replace(inner, timed_out("recogniser"))
            else:
                if text:  # one that says nothing may hear nothing
                    self._asked.clear()
                    self._chain.succeeded()
                return text

    async def transcripts(self) -> AsyncIterator[Transcript]:
        """Text as it comes, from whoever hears. Raises ProviderError when every recogniser failed."""
        while not self._closed:
            inner = await self._session()
            try:
                async for transcript in inner.transcripts():
                    self._chain.succeeded()
                    yield transcript
            except ProviderError as failure:
                await self._replace(inner, failure)
            else:
                if inner is self._inner:
                    return

    @property
    def usage(self) -> ProviderUsage:
        """Of all streams together."""
        return self._spent + self._inner.usage if self._inner else self._spent

    async def close(self) -> None:
        """Release the stream; idempotent."""
        self._closed = True
        if self._inner:
            await self._inner.close()

    async def _session(self) -> RecognitionSession:
        """The stream in use; while it is being replaced, the one that comes."""
        async with self._replacing:
            if self._inner is None:
                raise ProviderError("recogniser", "the stream is closed", retryable=False)
            return self._inner

    async def _replace(self, broken: RecognitionSession, failure: ProviderError) -> None:
        """Take another stream; of all who notice the break, the first does it."""
        async with self._replacing:
            if self._closed:
                raise failure
            if self._inner is not broken or self._recogniser is None:
                return
            self._spent, self._inner = self._spent + broken.usage, None
            self._let_go(broken)
            self._chain.failed(failure, self._recogniser)
            await self.connect()

    async def _heard_again(self, session: RecognitionSession) -> RecognitionSession:
        """The new stream, once it was given what the one before did not finish."""
        missed = bytes(self._asked + self._utterance)
        try:
            if missed:
                await session.feed(missed)
        except BaseException:  # given up as well when it takes too long, or the call ends
            self._let_go(session)
            raise
        return session

    def _let_go(self, session: RecognitionSession) -> None:
        """Close a stream while the next one is opened: one that hangs may not answer its goodbye either."""
        leaving = asyncio.create_task(session.close())
        self._leaving.add(leaving)
        leaving.add_done_callback(self._left)

    def _left(self, leaving: asyncio.Task[None]) -> None:
        self._leaving.discard(leaving)
        if not leaving.cancelled():
            leaving.exception()  # whatever it was, nobody is interested any more
