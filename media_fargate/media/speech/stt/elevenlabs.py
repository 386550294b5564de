"""ElevenLabs' Scribe, over its SDK's realtime websocket. Utterances are ended by us ("manual commit")."""

import asyncio
import base64
import contextlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from elevenlabs.realtime.connection import RealtimeConnection, RealtimeEvents
from elevenlabs.realtime.scribe import AudioFormat, CommitStrategy, RealtimeAudioOptions, ScribeRealtime
from websockets.exceptions import WebSocketException

from media.speech.adapters import AdapterContext
from media.speech.failures import dropped, refused
from media.speech.interfaces import ProviderError, RecognitionSession
from media.speech.stt.stream import BYTES_PER_SAMPLE, CONNECT_SECONDS, VendorStream, not_connected
from sovereign.catalog.stt import ElevenLabsStt

PROVIDER = "elevenlabs"
_ADDRESS = "wss://api.elevenlabs.io"
_RATES = (8000, 16000, 22050, 24000, 44100, 48000)
_USUAL_RATE = 16000
# A commit of less audio than this is refused ("commit_throttled").
_LEAST_COMMIT_SECONDS = 0.3
# A stream without audio is closed after a while; a little silence keeps it open.
_KEEP_ALIVE_SECONDS = 4.0
_KEEP_ALIVE_SILENCE_SECONDS = 0.1
_BAD_KEY, _QUOTA, _TOO_MANY, _WRONG = 401, 402, 429, 400
_STATUS_OF: Mapping[RealtimeEvents, int] = {
    RealtimeEvents.AUTH_ERROR: _BAD_KEY,
    RealtimeEvents.UNACCEPTED_TERMS: 403,
    RealtimeEvents.QUOTA_EXCEEDED: _QUOTA,
    RealtimeEvents.RATE_LIMITED: _TOO_MANY,
    RealtimeEvents.INPUT_ERROR: _WRONG,
    RealtimeEvents.INVALID_REQUEST: _WRONG,
    RealtimeEvents.CHUNK_SIZE_EXCEEDED: _WRONG,
}
"""What ends a stream for good, as the HTTP status it stands for; every other error is worth another stream."""


class _Scribe(ScribeRealtime):
    """The SDK's client with the one member of the configuration it has no option for."""

    def __init__(self, api_key: str, base_url: str, tag_audio_events: bool | None) -> None:
        super().__init__(api_key=api_key, base_url=base_url)
        self._tag_audio_events = tag_audio_events

    def _build_websocket_url(self, *given: Any, **options: Any) -> str:
        url = super()._build_websocket_url(*given, **options)
        if self._tag_audio_events is None:
            return url
        return f"{url}&{urlencode({'tag_audio_events': str(self._tag_audio_events).lower()})}"


class ElevenLabsRecogniser:
    """Opens streams with one key. `base_url` (https or http) replaces ElevenLabs' own address."""

    def __init__(self, config: ElevenLabsStt, api_key: str, base_url: str | None = None) -> None:
        self._config = config
        self._scribe = _Scribe(api_key, base_url or _ADDRESS, config.tag_audio_events)

    async def open(self, sample_rate: int) -> RecognitionSession:
        """Connect for 16-bit PCM at `sample_rate` Hz. Raises BadKeyError, QuotaError, ProviderError."""
        sent_rate = self._config.sample_rate or (sample_rate if sample_rate in _RATES else _USUAL_RATE)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                connection = await self._scribe.connect(_options(self._config, sent_rate))
        except (WebSocketException, OSError) as failure:
            raise not_connected(PROVIDER, failure) from None
        session = ElevenLabsSession(connection, sample_rate, sent_rate)
        try:
            await session.started()
        except BaseException:
            await session.close()
            raise
        return session


class ElevenLabsSession(VendorStream):
    """One open stream."""

    def __init__(self, connection: RealtimeConnection, sample_rate: int, sent_rate: int) -> None:
        super().__init__(PROVIDER, sample_rate, sent_rate)
        self._connection = connection
        self._uncommitted = 0
        self._started = asyncio.Event()
        self._listen()
        self._tasks = [asyncio.create_task(self._keep_alive())]

    async def started(self) -> None:
        """Wait until the server accepts the stream. Raises ProviderError: it tells a bad key only now."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._started.wait()
        except TimeoutError as failure:
            raise not_connected(PROVIDER, failure) from None
        self._check()

    async def _send_audio(self, pcm: bytes) -> None:
        self._uncommitted += len(pcm)
        await self._connection.send({"audio_base_64": base64.b64encode(pcm).decode()})

    async def _end_utterance(self) -> None:
        missing = _LEAST_COMMIT_SECONDS - self._uncommitted / (self._sent_rate * BYTES_PER_SAMPLE)
        if missing > 0:
            await self._send_audio(self._silence(missing + 0.02))
        self._uncommitted = 0
        await self._connection.commit()

    async def _goodbye(self) -> None:
        await self._connection.close()

    def _listen(self) -> None:
        on = self._connection.on
        on(RealtimeEvents.SESSION_STARTED, lambda _: self._started.set())
        on(RealtimeEvents.PARTIAL_TRANSCRIPT, lambda data: self._take(str(data.get("text", "")).strip(), final=False))
        on(RealtimeEvents.COMMITTED_TRANSCRIPT, self._committed)
        on(RealtimeEvents.COMMIT_THROTTLED, lambda _: self._answered())
        on(RealtimeEvents.ERROR, self._refused)
        on(RealtimeEvents.CLOSE, lambda _: self._fail(dropped(PROVIDER)))

    def _committed(self, data: Mapping[str, Any]) -> None:
        self._take(str(data.get("text", "")).strip(), final=True)
        self._answered()

    def _refused(self, data: Mapping[str, Any]) -> None:
        """One of the server's errors, or the SDK's own report of a broken connection."""
        kind = data.get("message_type")
        if kind == RealtimeEvents.COMMIT_THROTTLED:
            return
        status = next((status for event, status in _STATUS_OF.items() if event == kind), None)
        if status is not None:
            self._fail(refused(PROVIDER, status))
        elif kind is None:
            self._fail(dropped(PROVIDER))
        else:
            self._fail(ProviderError(PROVIDER, "reported an error", retryable=True))

    def _fail(self, failure: ProviderError) -> None:
        super()._fail(failure)
        self._started.set()

    async def _keep_alive(self) -> None:
        """Keep the stream open while no audio flows (consent step, hold)."""
        while True:
            self._fed.clear()
            await asyncio.sleep(_KEEP_ALIVE_SECONDS)
            if not self._fed.is_set():
                with contextlib.suppress(ProviderError):
                    await self._sending(self._send_audio(self._silence(_KEEP_ALIVE_SILENCE_SECONDS)))


def _options(config: ElevenLabsStt, sent_rate: int) -> RealtimeAudioOptions:
    options = RealtimeAudioOptions(
        model_id=config.model,
        audio_format=AudioFormat(f"pcm_{sent_rate}"),
        sample_rate=sent_rate,
        commit_strategy=CommitStrategy.MANUAL,
    )
    if config.language != "multi":  # left out, the language is told by the recogniser
        options["language_code"] = config.language
    if config.include_timestamps is not None:
        options["include_timestamps"] = config.include_timestamps
    return options


def open_adapter(config: ElevenLabsStt, context: AdapterContext) -> ElevenLabsRecogniser:
    """The adapter for a configuration, with the key and address to use."""
    return ElevenLabsRecogniser(config, context.api_key, context.base_url)
