"""Google's Chirp, over the Speech-to-Text v2 client: a gRPC stream, whose end brings the last text."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import grpc
from google.api_core.exceptions import Aborted, GoogleAPICallError, InternalServerError, OutOfRange
from google.cloud.speech_v2 import SpeechAsyncClient, types
from google.cloud.speech_v2.services.speech.transports import SpeechGrpcAsyncIOTransport
from grpc import aio

from media.speech.adapters import AdapterContext
from media.speech.failures import dropped, refused, timed_out, unreachable
from media.speech.google_api import PROVIDER, ServiceAccount
from media.speech.interfaces import ProviderError, RecognitionSession
from media.speech.stt.stream import CONNECT_SECONDS
from media.speech.stt.utterances import Ear, Utterance, UtteranceStreams
from sovereign.catalog.languages import bcp47
from sovereign.catalog.stt import GoogleStt

_LARGEST_REQUEST = 14_000
"""Bytes of audio a message may hold: the service takes 15 KB."""
_MOST_WAITING = 500
"""Pieces of audio a stream may be behind, ten seconds of them as they come: it does not take any more."""


class GoogleRecogniser:
    """Opens streams with one service account (its JSON). `base_url` replaces Google's regional address."""

    def __init__(self, config: GoogleStt, key: str, base_url: str | None = None) -> None:
        """Raises BadKeyError for a key that is no service account's."""
        self._config = config
        self._base_url = base_url
        self._account = ServiceAccount(key, stand_in=base_url is not None)

    async def open(self, sample_rate: int) -> RecognitionSession:
        """Connect for 16-bit PCM at `sample_rate` Hz. Raises BadKeyError, QuotaError, ProviderError."""
        channel = _channel(self._base_url, self._config.vertex_location)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await _ready(channel)
            session = _Session(channel, self._config, self._account, sample_rate)
            await session.connect()
        except TimeoutError:
            await channel.close()
            raise timed_out(PROVIDER) from None
        except BaseException:
            await channel.close()
            raise
        return session


class _Session(UtteranceStreams):
    """The streams of one call, on one connection."""

    def __init__(self, channel: aio.Channel, config: GoogleStt, account: ServiceAccount, sample_rate: int) -> None:
        super().__init__(PROVIDER, sample_rate, self._open)
        self._channel = channel
        self._client = SpeechAsyncClient(transport=SpeechGrpcAsyncIOTransport(channel=channel))
        self._account = account
        place = f"projects/{account.project}/locations/{config.vertex_location}"
        self._first = types.StreamingRecognizeRequest(
            recognizer=f"{place}/recognizers/_", streaming_config=_streaming(config, sample_rate)
        )

    async def _open(self, hear: Ear, broken: Callable[[ProviderError], None]) -> Utterance:
        stream = _Stream(hear, broken, self._why)
        try:
            stream.listen(await self._call(stream.requests(self._first)))
        except GoogleAPICallError as failure:
            raise _as_provider_error(failure) from None
        return stream

    async def _call(self, requests: AsyncIterator[types.StreamingRecognizeRequest]) -> Any:
        # the token is signed in Python: some milliseconds the event loop is better without
        authorization = await asyncio.to_thread(self._account.authorization)
        metadata = [("authorization", authorization), _routed(self._first.recognizer)]
        return await self._client.streaming_recognize(requests=requests, retry=None, timeout=None, metadata=metadata)

    async def _why(self) -> ProviderError:
        """Why a stream was refused: asked again without audio.

        gRPC's client tells a refusal as an internal error of its own when audio is on its way meanwhile.
        """
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                async for _ in await self._call(_only(self._first)):
                    pass
        except GoogleAPICallError as failure:
            return _as_provider_error(failure)
        except TimeoutError:
            return timed_out(PROVIDER)
        return dropped(PROVIDER)

    async def _goodbye(self) -> None:
        await super()._goodbye()
        await self._channel.close()


class _Stream(Utterance):
    """One StreamingRecognize call."""

    def __init__(
        self, hear: Ear, broken: Callable[[ProviderError], None], why: Callable[[], Awaitable[ProviderError]]
    ) -> None:
        self._hear = hear
        self._broken = broken
        self._why = why
        self._answered = False
        self._audio: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._failure: ProviderError | None = None
        self._ended = False
        self._receiving: asyncio.Task[None] | None = None

    async def requests(self, first: types.StreamingRecognizeRequest) -> AsyncIterator[types.StreamingRecognizeRequest]:
        """What the call sends: the configuration, then audio until it is ended."""
        yield first
        while (pcm := await self._audio.get()) is not None:
            yield types.StreamingRecognizeRequest(audio=pcm)

    def listen(self, answers: Any) -> None:
        """Take the call's answers."""
        self._receiving = asyncio.create_task(self._receive(answers))

    async def send(self, pcm: bytes) -> None:
        if self._failure:
            raise self._failure
        if self._audio.qsize() >= _MOST_WAITING:
            self._fail(timed_out(PROVIDER))
            raise timed_out(PROVIDER)
        for at in range(0, len(pcm), _LARGEST_REQUEST):
            self._audio.put_nowait(pcm[at : at + _LARGEST_REQUEST])

    async def finish(self) -> None:
        self._ended = True
        self._audio.put_nowait(None)
        if self._receiving:
            await asyncio.shield(self._receiving)
        if self._failure:
            raise self._failure

    async def close(self) -> None:
        self._ended = True
        self._audio.put_nowait(None)
        if self._receiving:
            self._receiving.cancel()
            await asyncio.gather(self._receiving, return_exceptions=True)

    async def _receive(self, answers: Any) -> None:
        try:
            async for answer in answers:
                self._answered = True
                for result in answer.results:
                    self._take(result)
        except InternalServerError as failure:
            self._fail(_as_provider_error(failure) if self._answered else await self._why())
        except GoogleAPICallError as failure:
            self._fail(_as_provider_error(failure))
        except aio.AioRpcError:
            self._fail(dropped(PROVIDER))
        else:
            if not self._ended:
                self._fail(dropped(PROVIDER))
        finally:
            with contextlib.suppress(Exception):
                answers.cancel()

    def _take(self, result: types.StreamingRecognitionResult) -> None:
        if result.alternatives:
            best = result.alternatives[0]
            # 0.0 is proto's way of saying nothing
            self._hear(best.transcript.strip(), final=result.is_final, confidence=best.confidence or None)

    def _fail(self, failure: ProviderError) -> None:
        self._failure = failure
        self._broken(failure)


async def _only(request: types.StreamingRecognizeRequest) -> AsyncIterator[types.StreamingRecognizeRequest]:
    yield request


def _streaming(config: GoogleStt, sample_rate: int) -> types.StreamingRecognitionConfig:
    return types.StreamingRecognitionConfig(
        config=types.RecognitionConfig(
            explicit_decoding_config=types.ExplicitDecodingConfig(
                encoding=types.ExplicitDecodingConfig.AudioEncoding.LINEAR16,
                sample_rate_hertz=sample_rate,
                audio_channel_count=1,
            ),
            model=config.model,
            language_codes=list(bcp47(config.language)),
            features=types.RecognitionFeatures(enable_automatic_punctuation=True),
        ),
        streaming_features=types.StreamingRecognitionFeatures(interim_results=True),
    )


def _channel(base_url: str | None, location: str) -> aio.Channel:
    if base_url is None:
        return aio.secure_channel(f"{location}-speech.googleapis.com:443", grpc.ssl_channel_credentials())
    address = urlsplit(base_url)
    if address.scheme == "http":
        return aio.insecure_channel(address.netloc)
    return aio.secure_channel(f"{address.hostname}:{address.port or 443}", grpc.ssl_channel_credentials())


async def _ready(channel: aio.Channel) -> None:
    """Wait for the connection. Raises ProviderError as soon as it is known not to come."""
    state = channel.get_state(try_to_connect=True)
    while state is not grpc.ChannelConnectivity.READY:
        if state in (grpc.ChannelConnectivity.TRANSIENT_FAILURE, grpc.ChannelConnectivity.SHUTDOWN):
            raise unreachable(PROVIDER)
        await channel.wait_for_state_change(state)
        state = channel.get_state(try_to_connect=True)


def _routed(recognizer: str) -> tuple[str, str]:
    """The header by which the service finds the region of a streamed request."""
    return ("x-goog-request-params", f"recognizer={recognizer}")


def _as_provider_error(failure: GoogleAPICallError) -> ProviderError:
    if isinstance(failure, OutOfRange | Aborted):  # too long, or too long without audio: another stream may do
        return dropped(PROVIDER)
    return refused(PROVIDER, int(failure.code or 500))


def open_adapter(config: GoogleStt, context: AdapterContext) -> GoogleRecogniser:
    """The adapter for a configuration, with the key and address to use."""
    return GoogleRecogniser(config, context.api_key, context.base_url)
