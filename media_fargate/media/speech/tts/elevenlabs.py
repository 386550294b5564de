"""ElevenLabs' streaming synthesis, over its SDK."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
from elevenlabs import VoiceSettings
from elevenlabs.client import AsyncElevenLabs
from elevenlabs.core.api_error import ApiError

from media.speech.adapters import AdapterContext
from media.speech.failures import dropped, refused, timed_out, unreachable
from media.speech.interfaces import ProviderError, ProviderUsage, QuotaError
from media.speech.tts.samples import whole_samples
from sovereign.catalog.tts import ElevenLabsTts

PROVIDER = "elevenlabs"
SAMPLE_RATE = 16_000
_SILENCE_SECONDS = 10.0
_CHUNK_BYTES = 3200
_TELLS_LANGUAGE_ITSELF = "eleven_multilingual_v2"
"""Takes no language: it refused one at first and passes over it now."""
_VOICE_SETTINGS = ("stability", "similarity_boost", "style", "speed", "use_speaker_boost")


class ElevenLabsSpeech:
    """One voice with one key. `base_url` replaces ElevenLabs' own address."""

    def __init__(self, config: ElevenLabsTts, api_key: str, base_url: str | None = None) -> None:
        self._config = config
        self._http = httpx.AsyncClient()
        # the SDK's own timeout beats the client's, and is four minutes unless given
        self._client = AsyncElevenLabs(
            api_key=api_key, base_url=base_url, httpx_client=self._http, timeout=_SILENCE_SECONDS
        )
        self._characters = 0

    @property
    def sample_rate(self) -> int:
        """16000."""
        return SAMPLE_RATE

    async def stream(self, text: str) -> AsyncIterator[bytes]:
        """PCM as it comes. Raises BadKeyError, QuotaError, ProviderError."""
        self._characters += len(text)
        started = False
        try:
            async for pcm in whole_samples(self._client.text_to_speech.stream(**self._request(text))):
                started = True
                yield pcm
        except ApiError as failure:
            raise _refused(failure) from None
        except httpx.ConnectError:
            raise unreachable(PROVIDER) from None
        except httpx.TimeoutException:
            raise timed_out(PROVIDER) from None
        except httpx.HTTPError:
            raise dropped(PROVIDER) from None
        if not started:
            raise dropped(PROVIDER)

    @property
    def usage(self) -> ProviderUsage:
        """Characters spoken; the price depends on the account, so it is unknown."""
        return ProviderUsage(characters=self._characters)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _request(self, text: str) -> dict[str, Any]:
        config = self._config
        settings = {name: getattr(config, name) for name in _VOICE_SETTINGS if getattr(config, name) is not None}
        chosen = {
            "language_code": None if config.model == _TELLS_LANGUAGE_ITSELF else config.language,
            "apply_text_normalization": config.apply_text_normalization,
            "apply_language_text_normalization": config.apply_language_text_normalization,
            "voice_settings": VoiceSettings(**settings) if settings else None,
        }
        return {
            "voice_id": config.voice_id,
            "text": text,
            "model_id": config.model,
            "output_format": "pcm_16000",
            # retrying is the conversation's
            "request_options": {"max_retries": 0, "chunk_size": _CHUNK_BYTES},
            **{name: value for name, value in chosen.items() if value is not None},
        }


def _refused(failure: ApiError) -> ProviderError:
    """ElevenLabs answers an exhausted quota with 401 too; only its `detail.status` tells it from a bad key."""
    status = failure.status_code or 500
    detail = failure.body.get("detail") if isinstance(failure.body, dict) else None
    if isinstance(detail, dict) and detail.get("status") == "quota_exceeded":
        return QuotaError(PROVIDER, "over its quota or rate", retryable=False, status=status)
    return refused(PROVIDER, status)


def open_adapter(config: ElevenLabsTts, context: AdapterContext) -> ElevenLabsSpeech:
    """The adapter for a configuration, with the key and address to use."""
    return ElevenLabsSpeech(config, context.api_key, context.base_url)
