"""OpenAI's speech endpoint, and every service that speaks the same protocol."""

from collections.abc import AsyncIterator

from openai import omit

from media.speech.adapters import AdapterContext
from media.speech.failures import dropped
from media.speech.interfaces import ProviderError, ProviderUsage
from media.speech.openai_api import ERRORS, PROVIDER, as_provider_error, client
from media.speech.tts.samples import whole_samples
from sovereign.catalog.tts import OpenAiTts

# Of the `pcm` format (OpenAI's documentation, "Text to speech").
SAMPLE_RATE = 24_000
_CHUNK_BYTES = 4800
_TEXT = ("text/", "application/json")
"""What a server at an address of one's own may answer in place of sound: played, it would be loud noise."""


class OpenAISpeech:
    """One voice with one key. `base_url` replaces OpenAI's own address (".../v1")."""

    def __init__(self, config: OpenAiTts, api_key: str, base_url: str | None = None, *, guarded: bool = False) -> None:
        self._config = config
        self._client = client(api_key, base_url, guarded=guarded)
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
            async with self._client.audio.speech.with_streaming_response.create(
                input=text,
                model=self._config.model,
                voice=self._config.voice_id,
                response_format="pcm",
                speed=omit if self._config.speed is None else self._config.speed,
                instructions=omit if self._config.instructions is None else self._config.instructions,
            ) as response:
                if response.headers.get("content-type", "").startswith(_TEXT):
                    raise ProviderError(PROVIDER, "answered text instead of sound", retryable=True)
                async for pcm in whole_samples(response.iter_bytes(_CHUNK_BYTES)):
                    started = True
                    yield pcm
        except ERRORS as failure:
            raise as_provider_error(failure) from None
        if not started:
            raise dropped(PROVIDER)

    @property
    def usage(self) -> ProviderUsage:
        """Characters spoken; the price is unknown here."""
        return ProviderUsage(characters=self._characters)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def open_adapter(config: OpenAiTts, context: AdapterContext) -> OpenAISpeech:
    """The adapter for a configuration, with the key and address to use."""
    return OpenAISpeech(config, context.api_key, context.base_url, guarded=context.guarded)
