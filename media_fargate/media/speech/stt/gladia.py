"""Gladia's Solaria, over its published v2 live protocol; requests and messages are its SDK's types.

The SDK's own session is not used: it reconnects by itself, sends without telling when that fails, and keeps what it
sent without a bound.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, get_args

import httpx
from gladiaio_sdk.v2.live.generated_types import (
    LiveV2InitResponse,
    LiveV2SampleRate,
    LiveV2SpeechStartMessage,
    LiveV2TranscriptMessage,
    LiveV2Utterance,
    create_live_v2_web_socket_message_from_json,
)
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from media.speech.adapters import AdapterContext
from media.speech.failures import dropped, refused, timed_out, unreachable
from media.speech.interfaces import ProviderError, RecognitionSession
from media.speech.stt.stream import BYTES_PER_SAMPLE, CONNECT_SECONDS, VendorStream, not_connected
from sovereign.catalog.stt import GladiaStt

PROVIDER = "gladia"
_ADDRESS = "https://api.gladia.io"
_RATES: tuple[int, ...] = get_args(LiveV2SampleRate)
_USUAL_RATE = 16000
_USUAL_ENDPOINTING_SECONDS = 0.05
# There is no message for the end of an utterance: silence longer than its endpointing is one.
_SILENCE_SECONDS = 0.3
# A session is ended when no audio comes for a while.
_KEEP_ALIVE_SECONDS = 4.0
_KEEP_ALIVE_SILENCE_SECONDS = 0.1
_STOP = '{"type": "stop_recording"}'


class GladiaRecogniser:
    """Opens streams with one key. `base_url` (https or http) replaces Gladia's own address."""

    def __init__(self, config: GladiaStt, api_key: str, base_url: str | None = None) -> None:
        self._config = config
        self._api_key = api_key
        self._address = (base_url or _ADDRESS).rstrip("/")

    async def open(self, sample_rate: int) -> RecognitionSession:
        """Start a session for 16-bit PCM at `sample_rate` Hz. Raises BadKeyError, QuotaError, ProviderError."""
        sent_rate = sample_rate if sample_rate in _RATES else _USUAL_RATE
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                url = await self._session_url(sent_rate)
                socket = await connect(url, open_timeout=None)
        except (WebSocketException, OSError) as failure:
            raise not_connected(PROVIDER, failure) from None
        return GladiaSession(socket, sample_rate, sent_rate, self._config.endpointing)

    async def _session_url(self, sent_rate: int) -> str:
        """The address of a new session; its token is in it."""
        region = {"region": self._config.region} if self._config.region else {}
        try:
            async with httpx.AsyncClient(timeout=CONNECT_SECONDS) as client:
                answer = await client.post(
                    f"{self._address}/v2/live",
                    params=region,
                    json=_request(self._config, sent_rate),
                    headers={"X-Gladia-Key": self._api_key},
                )
        except httpx.TimeoutException:
            raise timed_out(PROVIDER) from None
        except httpx.HTTPError:
            raise unreachable(PROVIDER) from None
        if answer.status_code >= 300:
            raise refused(PROVIDER, answer.status_code) from None
        try:
            return LiveV2InitResponse.from_json(answer.content).url
        except (ValueError, KeyError):
            raise ProviderError(PROVIDER, "answered something else than a session", retryable=True) from None


class GladiaSession(VendorStream):
    """One live session."""

    def __init__(self, socket: ClientConnection, sample_rate: int, sent_rate: int, endpointing: float | None) -> None:
        super().__init__(PROVIDER, sample_rate, sent_rate)
        self._socket = socket
        self._ending_silence = (endpointing or _USUAL_ENDPOINTING_SECONDS) + _SILENCE_SECONDS
        self._sent_seconds = self._asked_until = self._partial_from = 0.0
        self._speech_starts: list[float] = []
        self._tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._keep_alive())]

    async def _send_audio(self, pcm: bytes) -> None:
        self._sent_seconds += len(pcm) / BYTES_PER_SAMPLE / self._sent_rate
        await self._socket.send(pcm)

    async def _end_utterance(self) -> None:
        self._asked_until = self._sent_seconds
        if self._final and not self._speech_starts and not self._interim:
            self._answered()  # its endpointing was faster than ours
            return
        await self._send_audio(self._silence(self._ending_silence))

    async def _goodbye(self) -> None:
        await self._socket.send(_STOP)
        await self._socket.close()

    async def _receive(self) -> None:
        try:
            async for message in self._socket:
                self._hear(message)
        except (WebSocketException, OSError):
            pass
        self._fail(dropped(PROVIDER))

    def _hear(self, raw: str | bytes) -> None:
        try:
            message = create_live_v2_web_socket_message_from_json(raw)
        except (ValueError, KeyError, TypeError, AttributeError):
            return  # of a kind, or a shape, this version of its protocol does not have
        if isinstance(message, LiveV2SpeechStartMessage):
            self._speech_starts.append(message.data.time)
        elif isinstance(message, LiveV2TranscriptMessage):
            self._hear_text(message.data.utterance, final=message.data.is_final)

    def _hear_text(self, said: LiveV2Utterance, *, final: bool) -> None:
        self._take(said.text.strip(), final=final, confidence=said.confidence)
        if not final:
            self._partial_from = said.start
            return
        # of a segment behind this one there may be words already
        self._interim = self._partial_from >= said.end
        self._speech_starts = [start for start in self._speech_starts if start >= said.end]
        if all(start >= self._asked_until for start in self._speech_starts):
            self._answered()

    async def _keep_alive(self) -> None:
        """Keep the session open while no audio flows (consent step, hold)."""
        while True:
            self._fed.clear()
            await asyncio.sleep(_KEEP_ALIVE_SECONDS)
            if not self._fed.is_set():
                with contextlib.suppress(ProviderError):
                    await self._sending(self._send_audio(self._silence(_KEEP_ALIVE_SILENCE_SECONDS)))


def _request(config: GladiaStt, sent_rate: int) -> Mapping[str, Any]:
    """The body of `POST /v2/live`. Without a language of its own, it is told by the recogniser."""
    languages = config.languages or ([] if config.language == "multi" else [config.language])
    code_switching = config.language == "multi" if config.code_switching is None else config.code_switching
    request: dict[str, Any] = {
        "encoding": "wav/pcm",
        "bit_depth": 16,
        "sample_rate": sent_rate,
        "channels": 1,
        "model": config.model,
        "language_config": {"languages": languages, "code_switching": code_switching},
        "messages_config": {
            "receive_partial_transcripts": True,
            "receive_final_transcripts": True,
            "receive_speech_events": True,
            "receive_acknowledgments": False,
        },
    }
    if config.endpointing is not None:
        request["endpointing"] = config.endpointing
    processing = _processing(config)
    return {**request, "realtime_processing": processing} if processing else request


def _processing(config: GladiaStt) -> dict[str, Any]:
    processing: dict[str, Any] = {}
    if config.custom_vocabulary:
        processing["custom_vocabulary"] = True
        processing["custom_vocabulary_config"] = {"vocabulary": config.custom_vocabulary}
    if config.translation_enabled is not None:
        processing["translation"] = config.translation_enabled
    if config.translation_target_languages:
        processing["translation_config"] = {"target_languages": config.translation_target_languages}
    return processing


def open_adapter(config: GladiaStt, context: AdapterContext) -> GladiaRecogniser:
    """The adapter for a configuration, with the key and address to use."""
    return GladiaRecogniser(config, context.api_key, context.base_url)
