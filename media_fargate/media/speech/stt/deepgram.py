"""Deepgram's streaming recogniser, over its SDK's websocket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

from deepgram import AsyncDeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.environment import DeepgramClientEnvironment
from deepgram.listen.v1.socket_client import AsyncV1SocketClient
from deepgram.listen.v1.types.listen_v1error import ListenV1Error
from deepgram.listen.v1.types.listen_v1results import ListenV1Results
from websockets.exceptions import WebSocketException

from media.speech.adapters import AdapterContext
from media.speech.failures import dropped, refused, timed_out, unreachable
from media.speech.interfaces import ProviderError, ProviderUsage, RecognitionSession, Transcript
from sovereign.catalog.stt import DeepgramStt

PROVIDER = "deepgram"
_CONNECT_SECONDS = 5.0
# Deepgram closes a stream that is silent for ten seconds (its documentation, "Audio Keep Alive").
_KEEP_ALIVE_SECONDS = 4.0
# Deepgram answers no Finalize when it holds nothing unprocessed; then what is known already is the text.
_FINALISE_SECONDS = 1.5
_CLOSE_SECONDS = 2.0


class DeepgramRecogniser:
    """Opens streams with one key. `base_url` (https or http) replaces Deepgram's own address."""

    def __init__(self, config: DeepgramStt, api_key: str, base_url: str | None = None) -> None:
        self._config = config
        self._client = AsyncDeepgramClient(api_key=api_key, environment=_environment(base_url), max_retries=0)

    async def open(self, sample_rate: int) -> RecognitionSession:
        """Connect for 16-bit PCM at `sample_rate` Hz. Raises BadKeyError, QuotaError, ProviderError."""
        connections = AsyncExitStack()
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                socket = await connections.enter_async_context(
                    self._client.listen.v1.connect(**_parameters(self._config, sample_rate))
                )
        except ApiError as failure:
            # the SDK's error carries the request's headers, so it must not become this one's cause
            raise refused(PROVIDER, failure.status_code or 500) from None
        except TimeoutError:
            raise timed_out(PROVIDER) from None
        except (OSError, WebSocketException):
            raise unreachable(PROVIDER) from None
        return DeepgramSession(socket, connections, sample_rate)


class DeepgramSession:
    """One open stream."""

    def __init__(self, socket: AsyncV1SocketClient, connections: AsyncExitStack, sample_rate: int) -> None:
        self._socket = socket
        self._connections = connections
        self._bytes_per_second = sample_rate * 2
        self._bytes = self._finalised_bytes = 0
        self._fed = asyncio.Event()
        self._final: list[str] = []
        self._finalised: asyncio.Future[None] | None = None
        self._failure: ProviderError | None = None
        self._closed = False
        self._out: asyncio.Queue[Transcript | ProviderError | None] = asyncio.Queue()
        self._tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._keep_alive())]

    async def feed(self, pcm: bytes) -> None:
        """Send audio. Raises ProviderError when the stream has failed."""
        self._check()
        self._bytes += len(pcm)
        self._fed.set()
        await self._send(self._socket.send_media(pcm))

    async def finalise(self) -> str:
        """Flush and return the utterance; within 1.5 s, with what is known by then. Raises ProviderError."""
        self._check()
        if self._bytes > self._finalised_bytes:
            await self._flush()
        text, self._final = " ".join(self._final), []
        return text

    async def transcripts(self) -> AsyncIterator[Transcript]:
        """Interim and final text. Raises ProviderError when the stream breaks."""
        while (entry := await self._out.get()) is not None:
            if isinstance(entry, ProviderError):
                raise entry
            yield entry

    @property
    def usage(self) -> ProviderUsage:
        """Seconds of audio sent; the price depends on the account, so it is unknown."""
        return ProviderUsage(audio_seconds=round(self._bytes / self._bytes_per_second, 3))

    async def close(self) -> None:
        """Say goodbye and close; idempotent, never raises."""
        if self._closed:
            return
        self._closed = True
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._socket.send_close_stream()
                await self._connections.aclose()
        self._out.put_nowait(None)

    async def _flush(self) -> None:
        self._finalised_bytes = self._bytes
        self._finalised = asyncio.get_running_loop().create_future()
        await self._send(self._socket.send_finalize())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FINALISE_SECONDS):
                await self._finalised
        self._check()

    async def _receive(self) -> None:
        try:
            async for message in self._socket:
                if isinstance(message, ListenV1Results):
                    self._take(message)
                elif isinstance(message, ListenV1Error):
                    self._fail(ProviderError(PROVIDER, "reported an error", retryable=True))
                    return
        except (WebSocketException, OSError):
            pass
        if not self._closed:
            self._fail(dropped(PROVIDER))

    def _take(self, results: ListenV1Results) -> None:
        best = results.channel.alternatives[0] if results.channel.alternatives else None
        if best and best.transcript:
            if results.is_final:
                self._final.append(best.transcript)
            self._out.put_nowait(Transcript(best.transcript, bool(results.is_final), best.confidence))
        if results.from_finalize and self._finalised and not self._finalised.done():
            self._finalised.set_result(None)

    async def _keep_alive(self) -> None:
        """Keep the stream open while no audio flows (consent step, hold)."""
        while True:
            self._fed.clear()
            await asyncio.sleep(_KEEP_ALIVE_SECONDS)
            if not self._fed.is_set():
                with contextlib.suppress(ProviderError):
                    await self._send(self._socket.send_keep_alive())

    async def _send(self, sending: Any) -> None:
        try:
            await sending
        except (WebSocketException, OSError):
            self._fail(dropped(PROVIDER))
            self._check()

    def _fail(self, failure: ProviderError) -> None:
        if self._failure is None and not self._closed:
            self._failure = failure
            self._out.put_nowait(failure)
        if self._finalised and not self._finalised.done():
            self._finalised.set_result(None)

    def _check(self) -> None:
        if self._failure:
            raise self._failure
        if self._closed:
            raise ProviderError(PROVIDER, "the stream is closed", retryable=False)


def _environment(base_url: str | None) -> DeepgramClientEnvironment:
    if base_url is None:
        return DeepgramClientEnvironment.PRODUCTION
    http = base_url.rstrip("/")
    socket = http.replace("http", "ws", 1)
    return DeepgramClientEnvironment(base=http, production=socket, agent=socket, agent_rest=http)


def _parameters(config: DeepgramStt, sample_rate: int) -> Mapping[str, Any]:
    chosen = {
        "smart_format": config.smart_format,
        "numerals": config.numerals,
        "endpointing": config.endpointing,
        "utterance_end_ms": config.utterance_end_ms,
        "keyterm": config.keyterms,
    }
    # known to the service but not to this version of its SDK
    others = {"filler_words": config.filler_words, "no_delay": config.no_delay}
    return {
        "model": config.model,
        "language": config.language,
        "encoding": "linear16",
        "sample_rate": sample_rate,
        "channels": 1,
        "interim_results": "true",
        **{name: _wire(value) for name, value in chosen.items() if value is not None},
        "request_options": {
            "additional_query_parameters": {name: _wire(value) for name, value in others.items() if value is not None}
        },
    }


def _wire(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def open_adapter(config: DeepgramStt, context: AdapterContext) -> DeepgramRecogniser:
    """The adapter for a configuration, with the key and address to use."""
    return DeepgramRecogniser(config, context.api_key, context.base_url)
