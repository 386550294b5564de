"""Deepgram's streaming recogniser, over its SDK's websocket."""

import asyncio
import contextlib
from collections.abc import Mapping
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
from media.speech.interfaces import ProviderError, RecognitionSession
from media.speech.stt.stream import CONNECT_SECONDS, VendorStream
from sovereign.catalog.stt import DeepgramStt

PROVIDER = "deepgram"
# Deepgram closes a stream that is silent for ten seconds (its documentation, "Audio Keep Alive").
_KEEP_ALIVE_SECONDS = 4.0


class DeepgramRecogniser:
    """Opens streams with one key. `base_url` (https or http) replaces Deepgram's own address."""

    def __init__(self, config: DeepgramStt, api_key: str, base_url: str | None = None) -> None:
        self._config = config
        self._client = AsyncDeepgramClient(api_key=api_key, environment=_environment(base_url), max_retries=0)

    async def open(self, sample_rate: int) -> RecognitionSession:
        """Connect for 16-bit PCM at `sample_rate` Hz. Raises BadKeyError, QuotaError, ProviderError."""
        connections = AsyncExitStack()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
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


class DeepgramSession(VendorStream):
    """One open stream."""

    def __init__(self, socket: AsyncV1SocketClient, connections: AsyncExitStack, sample_rate: int) -> None:
        super().__init__(PROVIDER, sample_rate)
        self._socket = socket
        self._connections = connections
        self._tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._keep_alive())]

    async def _send_audio(self, pcm: bytes) -> None:
        await self._socket.send_media(pcm)

    async def _end_utterance(self) -> None:
        await self._socket.send_finalize()

    async def _goodbye(self) -> None:
        await self._socket.send_close_stream()
        await self._connections.aclose()

    async def _receive(self) -> None:
        try:
            async for message in self._socket:
                if isinstance(message, ListenV1Results):
                    self._hear(message)
                elif isinstance(message, ListenV1Error):
                    self._fail(ProviderError(PROVIDER, "reported an error", retryable=True))
                    return
        except (WebSocketException, OSError):
            pass
        self._fail(dropped(PROVIDER))

    def _hear(self, results: ListenV1Results) -> None:
        best = results.channel.alternatives[0] if results.channel.alternatives else None
        if best:
            self._take(best.transcript, final=bool(results.is_final), confidence=best.confidence)
        if results.from_finalize:
            self._answered()

    async def _keep_alive(self) -> None:
        """Keep the stream open while no audio flows (consent step, hold)."""
        while True:
            self._fed.clear()
            await asyncio.sleep(_KEEP_ALIVE_SECONDS)
            if not self._fed.is_set():
                with contextlib.suppress(ProviderError):
                    await self._sending(self._socket.send_keep_alive())


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
