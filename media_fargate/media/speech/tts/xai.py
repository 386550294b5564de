"""xAI's streamed synthesis: its published websocket protocol (its SDK has no speech)."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from media.speech.adapters import AdapterContext
from media.speech.failures import dropped, refused, timed_out, unreachable
from media.speech.interfaces import ProviderError, ProviderUsage
from media.speech.patience import in_time
from media.speech.tts.samples import whole_samples
from sovereign.catalog.tts import XaiTts

PROVIDER = "xai"
BASE_URL = "https://api.x.ai/v1"
SAMPLE_RATE = 24_000
_CONNECT_SECONDS, _SILENCE_SECONDS = 4.0, 10.0
_CLOSE_SECONDS = 2.0


class XaiSpeech:
    """One voice with one key. `base_url` (".../v1") replaces xAI's own address.

    A connection that has spoken its sentence is kept for the next one, so that only the first waits for a handshake.
    """

    def __init__(self, config: XaiTts, api_key: str, base_url: str | None = None) -> None:
        query = {
            "voice": config.voice_id,
            "language": config.language or "auto",
            "codec": "pcm",
            "sample_rate": SAMPLE_RATE,
        }
        self._url = f"{(base_url or BASE_URL).replace('http', 'ws', 1)}/tts?{urlencode(query)}"
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._idle: ClientConnection | None = None
        self._open: set[ClientConnection] = set()
        self._characters = 0

    @property
    def sample_rate(self) -> int:
        """24000."""
        return SAMPLE_RATE

    async def stream(self, text: str) -> AsyncIterator[bytes]:
        """PCM as it comes. Raises BadKeyError, QuotaError, ProviderError."""
        self._characters += len(text)
        started = False
        try:
            async with aclosing(in_time(self._sound(text), _SILENCE_SECONDS, PROVIDER)) as sound:
                async for pcm in whole_samples(sound):
                    started = True
                    yield pcm
        except (OSError, WebSocketException):
            raise dropped(PROVIDER) from None
        if not started:
            raise dropped(PROVIDER)

    @property
    def usage(self) -> ProviderUsage:
        """Characters spoken."""
        return ProviderUsage(characters=self._characters)

    async def close(self) -> None:
        """Close the connections."""
        self._idle = None
        for connection in list(self._open):
            await self._drop(connection)

    async def _sound(self, text: str) -> AsyncGenerator[bytes, None]:
        connection, finished = await self._connection(), False
        try:
            await connection.send(json.dumps({"type": "text.delta", "delta": text}))
            await connection.send(json.dumps({"type": "text.done"}))
            while (piece := _piece(await connection.recv())) is not None:
                yield piece
            finished = True
        finally:
            if finished and self._idle is None:
                self._idle = connection
            else:  # in the middle of a sentence it is of no use any more
                await self._drop(connection)

    async def _connection(self) -> ClientConnection:
        connection, self._idle = self._idle, None
        if connection is not None and connection.close_code is None:
            return connection
        try:
            connection = await connect(self._url, additional_headers=self._headers, open_timeout=_CONNECT_SECONDS)
        except InvalidStatus as failure:
            raise refused(PROVIDER, failure.response.status_code) from None
        except TimeoutError:
            raise timed_out(PROVIDER) from None
        except ConnectionRefusedError:
            raise unreachable(PROVIDER) from None
        self._open.add(connection)
        return connection

    async def _drop(self, connection: ClientConnection) -> None:
        self._open.discard(connection)
        connection.transport.abort()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await connection.wait_closed()


def _piece(message: str | bytes) -> bytes | None:
    """The sound in a message, None at its end. Raises ProviderError for what the vendor reports as an error."""
    try:
        event: Any = json.loads(message)
        kind = event["type"]
        if kind == "audio.done":
            return None
        if kind == "audio.delta":
            return base64.b64decode(event["delta"])
    except (ValueError, KeyError, TypeError):
        raise dropped(PROVIDER) from None
    if kind == "error":
        raise ProviderError(PROVIDER, "reported an error", retryable=True)
    return b""


def open_adapter(config: XaiTts, context: AdapterContext) -> XaiSpeech:
    """The adapter for a configuration, with the key and address to use."""
    return XaiSpeech(config, context.api_key, context.base_url)
