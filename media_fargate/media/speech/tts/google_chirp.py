"""Chirp 3 HD on Google Cloud: streaming synthesis over gRPC, in the EU."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from urllib.parse import urlsplit

import grpc
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import texttospeech
from google.cloud.texttospeech_v1.services.text_to_speech.transports import TextToSpeechGrpcAsyncIOTransport

from media.speech.failures import dropped, refused
from media.speech.google_api import PROVIDER, ServiceAccount, silence_seconds
from media.speech.interfaces import ProviderError, ProviderUsage
from media.speech.patience import in_time
from media.speech.tts.samples import whole_samples
from sovereign.catalog.languages import LANGUAGES, bcp47
from sovereign.catalog.tts import GoogleTts

ENDPOINT = "https://eu-texttospeech.googleapis.com"
SAMPLE_RATE = 24_000
_DEFAULT_LOCALE = "en-US"
_LOCALES = {"multi": _DEFAULT_LOCALE, "pt": "pt-BR", "zh": "cmn-CN"}
"""Where Chirp's voices are not those of the catalogue's locale."""


class ChirpSpeech:
    """One voice with one service account. `base_url` replaces Google's own address."""

    def __init__(self, config: GoogleTts, key: str, base_url: str | None = None) -> None:
        """Raises BadKeyError for a key that is no service account's."""
        self._config = config
        self._account = ServiceAccount(key, stand_in=base_url is not None)
        self._channel = _channel(base_url or ENDPOINT)
        self._client = texttospeech.TextToSpeechAsyncClient(
            transport=TextToSpeechGrpcAsyncIOTransport(channel=self._channel)
        )
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
            async with aclosing(in_time(self._sound(text), silence_seconds(), PROVIDER)) as sound:
                async for pcm in whole_samples(sound):
                    started = True
                    yield pcm
        except GoogleAPICallError as failure:
            raise _as_provider_error(failure, started=started) from None
        except grpc.RpcError:
            raise dropped(PROVIDER) from None
        if not started:
            raise dropped(PROVIDER)

    @property
    def usage(self) -> ProviderUsage:
        """Characters spoken."""
        return ProviderUsage(characters=self._characters)

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()

    async def _sound(self, text: str) -> AsyncGenerator[bytes, None]:
        authorization = await asyncio.to_thread(self._account.authorization)
        answers = await self._client.streaming_synthesize(
            self._requests(text), metadata=[("authorization", authorization)]
        )
        async for answer in answers:
            if answer.audio_content:
                yield answer.audio_content

    async def _requests(self, text: str) -> AsyncIterator[texttospeech.StreamingSynthesizeRequest]:
        locale = _locale(self._config.language)
        yield texttospeech.StreamingSynthesizeRequest(
            streaming_config=texttospeech.StreamingSynthesizeConfig(
                voice=texttospeech.VoiceSelectionParams(
                    language_code=locale, name=f"{locale}-Chirp3-HD-{self._config.voice_id}"
                ),
                streaming_audio_config=texttospeech.StreamingAudioConfig(
                    audio_encoding=texttospeech.AudioEncoding.PCM,
                    sample_rate_hertz=SAMPLE_RATE,
                    speaking_rate=self._config.speaking_rate,
                ),
            )
        )
        yield texttospeech.StreamingSynthesizeRequest(input=texttospeech.StreamingSynthesisInput(text=text))


def _channel(address: str) -> grpc.aio.Channel:
    parts = urlsplit(address)
    if parts.scheme == "http":
        return grpc.aio.insecure_channel(parts.netloc)
    return grpc.aio.secure_channel(parts.netloc, grpc.ssl_channel_credentials())


def _locale(language: str | None) -> str:
    """The locale a voice is named by; a language that is a locale already stays."""
    if not language or language in _LOCALES:
        return _LOCALES.get(language or "", _DEFAULT_LOCALE)
    return bcp47(language)[0] if language in LANGUAGES else language


def _as_provider_error(failure: GoogleAPICallError, *, started: bool) -> ProviderError:
    # gRPC says the same of a server that is away and of one that went away in mid-answer
    if started and failure.grpc_status_code is grpc.StatusCode.UNAVAILABLE:
        return dropped(PROVIDER)
    return refused(PROVIDER, int(failure.code or 500))
