"""Google's voices: Gemini's speech models through `google-genai`; Chirp is in `google_chirp`."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from google.genai import types

from media.speech.adapters import AdapterContext
from media.speech.failures import dropped
from media.speech.google_api import ERRORS, PROVIDER, GenaiConnection, as_provider_error, silence_seconds
from media.speech.interfaces import ProviderUsage, Synthesiser
from media.speech.patience import in_time
from media.speech.tts.samples import whole_samples
from sovereign.catalog.tts import GoogleTts

# Of the speech models (their documentation, "Speech generation").
SAMPLE_RATE = 24_000


class GeminiSpeech:
    """One voice with one key of the Gemini API. `base_url` replaces its own address."""

    def __init__(self, config: GoogleTts, api_key: str, base_url: str | None = None) -> None:
        self._config = config
        self._connection = GenaiConnection.to_gemini(api_key, base_url)
        self._characters = self._read = self._spoken = 0

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
        except ERRORS as failure:
            raise as_provider_error(failure) from None
        if not started:
            raise dropped(PROVIDER)

    @property
    def usage(self) -> ProviderUsage:
        """Characters spoken, and the tokens the answers counted: text read, sound written."""
        return ProviderUsage(
            characters=self._characters,
            input_tokens=self._read,
            output_tokens=self._spoken,
            output_audio_tokens=self._spoken,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    async def _sound(self, text: str) -> AsyncGenerator[bytes, None]:
        style = self._config.instructions
        answers = await self._connection.client.aio.models.generate_content_stream(
            model=self._config.model, contents=f"{style}: {text}" if style else text, config=self._settings()
        )
        counted = None
        async for answer in answers:
            counted = answer.usage_metadata or counted
            for part in answer.parts or ():
                if part.inline_data and part.inline_data.data:
                    yield part.inline_data.data
        if counted:
            self._read += counted.prompt_token_count or 0
            self._spoken += counted.candidates_token_count or 0

    def _settings(self) -> types.GenerateContentConfig:
        voice = types.PrebuiltVoiceConfig(voice_name=self._config.voice_id)
        return types.GenerateContentConfig(
            response_modalities=["AUDIO"],
            speech_config=types.SpeechConfig(
                voice_config=types.VoiceConfig(prebuilt_voice_config=voice), language_code=self._config.language
            ),
        )


def open_adapter(config: GoogleTts, context: AdapterContext) -> Synthesiser:
    """The adapter for a configuration, with the key and address to use. Raises BadKeyError."""
    if config.model == "chirp-3-hd":
        from media.speech.tts.google_chirp import ChirpSpeech  # noqa: PLC0415 - gRPC, for those who use it

        return ChirpSpeech(config, context.api_key, context.base_url)
    return GeminiSpeech(config, context.api_key, context.base_url)
