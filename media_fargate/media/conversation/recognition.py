"""The call's stream to the recogniser: feeding, text, and one reconnection when it breaks."""

import asyncio
from contextlib import suppress
from typing import Any

from media.audio.levels import size
from media.conversation.context import Context
from media.conversation.events import RecogniserFailed, UtteranceRecognised, WordsKnown
from media.conversation.figures import add_usage
from media.speech.interfaces import ProviderError, ProviderUsage, Recogniser, RecognitionSession

_CHUNK_SECONDS = 0.06
"""Audio sent to the recogniser at a time: few wake-ups, and within what streaming vendors ask for."""
FINALISE_TIMEOUT_SECONDS = 10.0
"""Longer than an adapter waits for its vendor, and than a fallback takes to try one twice and ask the next."""
_OPEN_TIMEOUT_SECONDS = 10.0
_HEALTHY_AFTER_SECONDS = 30.0
"""A stream that lived this long before it broke is worth another try even if nothing was said."""
_REPLAY_SECONDS = 30.0
"""Audio of the running utterance kept for a recogniser that has to be reopened."""


class Recognition:
    """One call's recogniser, open for the whole call. `run` is its task; `feed` and `finalise` are for the ear.

    A failure reopens the stream at once and replays the utterance; a second one before any text came is posted as
    RecogniserFailed and ends `run`. `use` changes to another recogniser without losing a word.
    """

    def __init__(
        self,
        recogniser: Recogniser,
        sample_rate: int,
        context: Context,
    ) -> None:
        self._recogniser = recogniser
        self._rate = sample_rate
        self._figures = context.figures
        self._spawn = context.spawn
        self._post = context.post
        self._loop = asyncio.get_running_loop()
        self._session: RecognitionSession | None = None
        self._next: RecognitionSession | None = None
        self._broken: asyncio.Future[ProviderError | None] | None = None
        self._opened = asyncio.Event()
        self._sending = asyncio.Lock()
        self._waiting = bytearray()
        self._utterance = bytearray()
        self._asked = bytearray()
        self._fed = asyncio.Event()
        self._asking = asyncio.Lock()
        self._healthy = True
        self._final_words = ""
        self._last_text = ""
        self._spent = ProviderUsage(cost_usd=0.0)
        self.pending = 0

    @property
    def usage(self) -> ProviderUsage:
        """Figures of all its streams together."""
        return add_usage(self._spent, self._session.usage) if self._session is not None else self._spent

    def feed(self, pcm: bytes) -> None:
        """Queue audio; it is sent in chunks by `run`."""
        self._waiting += pcm
        if len(self._waiting) >= size(_CHUNK_SECONDS, self._rate):
            self._fed.set()

    def begin_turn(self) -> None:
        """A new turn: words known so far belong to the one before."""
        self._final_words = ""

    async def run(self) -> None:
        """Keep a stream open until cancelled or broken for good."""
        try:
            while True:
                opened = self._loop.time()
                failure = await self._one_stream()
                if failure is None:
                    continue
                self._figures.errors.append(str(failure))
                self._healthy = self._healthy or self._loop.time() - opened > _HEALTHY_AFTER_SECONDS
                if not (self._healthy and failure.retryable):
                    self._post(RecogniserFailed(failure))
                    return
                self._healthy = False
                self._figures.provider_retries += 1
        finally:
            ready, self._next = self._next, None
            if ready is not None:
                await ready.close()
            session = self._retired()
            if session is not None:
                await session.close()

    async def use(self, recogniser: Recogniser) -> None:
        """Change to another recogniser once its stream is open; what it did not hear of the utterance is replayed.

        Raises ProviderError when it does not open: the present one goes on.
        """
        opened: RecognitionSession | None = await self._open(recogniser)
        try:
            async with self._asking:  # a question under way is still the present one's to answer
                self._recogniser = recogniser
                if self._broken is None or self._broken.done():
                    return  # between two streams: the one opened next is the new recogniser's
                opened, self._next = self._next, opened
                self._healthy, self._final_words = True, ""
                self._opened.clear()
                self._broken.set_result(None)
        finally:
            if opened is not None:
                await opened.close()

    def finalise(self) -> None:
        """Ask for the text up to now; UtteranceRecognised is posted whatever happens (empty when it failed twice)."""
        self.pending += 1
        self._spawn(self._finalise())

    async def _finalise(self) -> None:
        text = ""
        async with self._asking:
            for _ in range(2):
                with suppress(ProviderError):
                    text = (await self._finalise_once()).strip()
                    break
        self.pending -= 1
        self._final_words, self._last_text = "", text
        self._post(UtteranceRecognised(text))

    async def _finalise_once(self) -> str:
        """Raises ProviderError: the stream that was asked is given up, and the next one hears the utterance again."""
        broken: asyncio.Future[ProviderError | None] | None = None
        try:
            async with asyncio.timeout(FINALISE_TIMEOUT_SECONDS):
                await self._opened.wait()
                broken = self._broken
                return await self._ask(broken)
        except TimeoutError:
            seconds = f"{FINALISE_TIMEOUT_SECONDS:g}"
            failure = ProviderError("recogniser", f"no text within {seconds} seconds", retryable=True)
        except ProviderError as raised:
            failure = raised
        self._break(broken, failure)
        raise failure from None

    async def _ask(self, broken: asyncio.Future[ProviderError | None] | None) -> str:
        async with self._sending:
            if self._session is None or broken is None or broken.done():
                raise ProviderError("recogniser", "not connected", retryable=True)
            await self._send_waiting(self._session)
            self._asked += self._utterance
            del self._asked[: -size(_REPLAY_SECONDS, self._rate)]
            self._utterance.clear()
            asking = asyncio.create_task(self._session.finalise())
            # let it begin before more audio is sent: that belongs to the next utterance
            await asyncio.sleep(0)
        try:
            either: list[asyncio.Future[Any]] = [asking, broken]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not asking.done():
                asking.add_done_callback(_forgotten)
                asking.cancel()
        if not asking.done():  # it may hang in its own cleaning up: the next stream does not wait for that
            raise ProviderError("recogniser", "the stream was given up", retryable=True)
        text = asking.result()
        if text:  # without any, it may be that nobody listens any more: then the next stream hears it again
            self._asked.clear()
        self._healthy = True
        return text

    async def _open(self, recogniser: Recogniser) -> RecognitionSession:
        try:
            async with asyncio.timeout(_OPEN_TIMEOUT_SECONDS):
                return await recogniser.open(self._rate)
        except TimeoutError:
            raise ProviderError("recogniser", "no connection in time", retryable=True) from None

    async def _one_stream(self) -> ProviderError | None:
        """Open a stream and use it until it breaks; returns what broke it, None when another one takes its place."""
        broken = self._broken = self._loop.create_future()
        ready, self._next = self._next, None
        try:
            self._session = ready or await self._open(self._recogniser)
        except ProviderError as failure:
            return failure
        self._waiting[:0] = (self._asked + self._utterance)[-size(_REPLAY_SECONDS, self._rate) :]
        self._asked.clear()
        self._utterance.clear()
        self._final_words = ""  # they will be heard again
        self._fed.set()
        self._opened.set()
        workers = [
            asyncio.create_task(self._send(self._session, broken)),
            asyncio.create_task(self._receive(self._session, broken)),
        ]
        try:
            reason: ProviderError | None = await broken
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        session = self._retired()
        if session is not None:  # the audio that waits for the next one shall not wait for a goodbye
            self._spawn(_closed(session))
        return reason

    async def _send(self, session: RecognitionSession, broken: asyncio.Future[ProviderError | None]) -> None:
        try:
            while True:
                await self._fed.wait()
                self._fed.clear()
                async with self._sending:
                    await self._send_waiting(session)
        except ProviderError as failure:
            self._break(broken, failure)

    async def _send_waiting(self, session: RecognitionSession) -> None:
        pcm = bytes(self._waiting)
        self._waiting.clear()
        if not pcm:
            return
        self._utterance += pcm
        del self._utterance[: -size(_REPLAY_SECONDS, self._rate)]
        await session.feed(pcm)

    async def _receive(self, session: RecognitionSession, broken: asyncio.Future[ProviderError | None]) -> None:
        try:
            async for transcript in session.transcripts():
                self._healthy = True
                if transcript.final and transcript.text.strip() == self._last_text:
                    # the text `finalise` has returned already; it says nothing about the next utterance
                    continue
                known = f"{self._final_words} {transcript.text}".strip()
                if transcript.final:
                    self._final_words = known
                self._post(WordsKnown(known))
        except ProviderError as failure:
            self._break(broken, failure)
        else:
            self._break(broken, ProviderError("recogniser", "closed the stream", retryable=True))

    def _break(self, broken: asyncio.Future[ProviderError | None] | None, failure: ProviderError) -> None:
        """Give up the stream this future belongs to, unless it was already."""
        if broken is not None and not broken.done():
            self._opened.clear()
            broken.set_result(failure)

    def _retired(self) -> RecognitionSession | None:
        """The stream in use, which is none any more; to be closed."""
        session, self._session = self._session, None
        self._opened.clear()
        if session is not None:
            self._spent = add_usage(self._spent, session.usage)
        return session


def _forgotten(asking: asyncio.Task[str]) -> None:
    """What became of it, nobody is interested in any more."""
    if not asking.cancelled():
        asking.exception()


async def _closed(session: RecognitionSession) -> None:
    with suppress(ProviderError):
        await session.close()
