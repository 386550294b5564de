"""Mistral's Voxtral, over its SDK's realtime transcription. Its last words come only with the end of a stream."""

import asyncio
import contextlib
from collections.abc import Callable

from mistralai.client import Mistral
from mistralai.client.models import (
    AudioFormat,
    RealtimeTranscriptionError,
    TranscriptionStreamDone,
    TranscriptionStreamTextDelta,
)
from mistralai.extra.exceptions import RealtimeTranscriptionException, RealtimeTranscriptionWSError
from mistralai.extra.realtime import RealtimeConnection
from websockets.exceptions import WebSocketException

from media.speech.adapters import AdapterContext
from media.speech.failures import dropped, refused
from media.speech.interfaces import ProviderError, RecognitionSession
from media.speech.stt.stream import CONNECT_SECONDS, not_connected
from media.speech.stt.utterances import Ear, Utterance, UtteranceStreams
from sovereign.catalog.stt import MistralStt

PROVIDER = "mistral"
_REALTIME_MODELS = {"voxtral-mini-latest": "voxtral-mini-transcribe-realtime-2602"}
"""The catalogue's name is that of the family's batch model; streams are served by its realtime sibling."""
_BROKEN = (WebSocketException, OSError, RuntimeError)


class MistralRecogniser:
    """Opens streams with one key. `base_url` (https or http) replaces Mistral's own address."""

    def __init__(self, config: MistralStt, api_key: str, base_url: str | None = None) -> None:
        self._config = config
        self._client = Mistral(api_key=api_key, server_url=base_url, timeout_ms=int(CONNECT_SECONDS * 1000))

    async def open(self, sample_rate: int) -> RecognitionSession:
        """Connect for 16-bit PCM at `sample_rate` Hz. Raises BadKeyError, QuotaError, ProviderError."""

        async def opener(hear: Ear, broken: Callable[[ProviderError], None]) -> Utterance:
            return _Stream(await self._connect(sample_rate), hear, broken)

        session = UtteranceStreams(PROVIDER, sample_rate, opener)
        await session.connect()
        return session

    async def _connect(self, sample_rate: int) -> RealtimeConnection:
        # the SDK loses a websocket whose handshake is cancelled, so that one is left to end by itself
        connecting = asyncio.create_task(
            self._client.audio.realtime.connect(
                _REALTIME_MODELS[self._config.model],
                AudioFormat(encoding="pcm_s16le", sample_rate=sample_rate),
                # left out, the language is told by the recogniser
                language=None if self._config.language == "multi" else self._config.language,
            )
        )
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await asyncio.shield(connecting)
        except RealtimeTranscriptionWSError as failure:
            raise _reported(failure.payload) from None
        except RealtimeTranscriptionException as failure:
            raise not_connected(PROVIDER, _cause(failure)) from None
        except TimeoutError as failure:
            raise not_connected(PROVIDER, failure) from None
        finally:
            if not connecting.done():
                late = asyncio.create_task(_closed(connecting))
                _late.add(late)
                late.add_done_callback(_late.discard)


class _Stream(Utterance):
    """One connection: `input_audio.end` brings `transcription.done`, after which it takes no more audio."""

    def __init__(self, connection: RealtimeConnection, hear: Ear, broken: Callable[[ProviderError], None]) -> None:
        self._connection = connection
        self._hear = hear
        self._broken = broken
        self._text = ""
        self._failure: ProviderError | None = None
        self._receiving = asyncio.create_task(self._receive())

    async def send(self, pcm: bytes) -> None:
        try:
            await self._connection.send_audio(pcm)
        except _BROKEN:
            raise self._failure or dropped(PROVIDER) from None

    async def finish(self) -> None:
        try:
            await self._connection.flush_audio()
            await self._connection.end_audio()
        except _BROKEN:
            raise self._failure or dropped(PROVIDER) from None
        await asyncio.shield(self._receiving)
        if self._failure:
            raise self._failure

    async def close(self) -> None:
        self._receiving.cancel()
        await self._connection.close()

    async def _receive(self) -> None:
        try:
            async for event in self._connection.events():
                if isinstance(event, TranscriptionStreamTextDelta):
                    self._text += event.text
                    self._hear(self._text.strip(), final=False)
                elif isinstance(event, TranscriptionStreamDone):
                    self._hear(event.text.strip(), final=True)
                    return
                elif isinstance(event, RealtimeTranscriptionError):
                    self._fail(_reported(event))
                    return
        except _BROKEN:
            pass
        self._fail(dropped(PROVIDER))

    def _fail(self, failure: ProviderError) -> None:
        self._failure = failure
        self._broken(failure)


_late: set[asyncio.Task[None]] = set()


async def _closed(connecting: asyncio.Task[RealtimeConnection]) -> None:
    """Close a connection nobody waits for any more, once it is made; the SDK closes what fails."""
    with contextlib.suppress(RealtimeTranscriptionException, *_BROKEN):
        await (await connecting).close()


def _cause(failure: BaseException) -> BaseException:
    """What the SDK's own error was made of."""
    while failure.__cause__ is not None:
        failure = failure.__cause__
    return failure


def _reported(error: object) -> ProviderError:
    """An error message of the service; its codes are its own, those below 600 are HTTP's."""
    code = error.error.code if isinstance(error, RealtimeTranscriptionError) else 0
    if 400 <= code < 600:
        return refused(PROVIDER, code)
    return ProviderError(PROVIDER, "reported an error", retryable=True)


def open_adapter(config: MistralStt, context: AdapterContext) -> MistralRecogniser:
    """The adapter for a configuration, with the key and address to use."""
    return MistralRecogniser(config, context.api_key, context.base_url)
