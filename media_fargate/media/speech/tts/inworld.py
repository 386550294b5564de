"""Inworld's streamed synthesis: its published HTTP protocol (there is no SDK for Python)."""

import base64
import binascii
import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import httpx

from media.speech.adapters import AdapterContext
from media.speech.failures import dropped, refused, timed_out, unreachable
from media.speech.interfaces import ProviderError, ProviderUsage
from media.speech.tts.samples import whole_samples, without_wav_header
from sovereign.catalog.tts import InworldTts

PROVIDER = "inworld"
BASE_URL = "https://api.inworld.ai"
SAMPLE_RATE = 16_000
_CONNECT_SECONDS, _SILENCE_SECONDS = 4.0, 10.0
# Inworld's errors within a stream carry gRPC's codes.
_STATUS_OF_CODE = {
    7: HTTPStatus.FORBIDDEN,
    8: HTTPStatus.TOO_MANY_REQUESTS,
    16: HTTPStatus.UNAUTHORIZED,
    3: HTTPStatus.BAD_REQUEST,
    5: HTTPStatus.NOT_FOUND,
}


class InworldSpeech:
    """One voice with one key. `base_url` replaces Inworld's own address."""

    def __init__(self, config: InworldTts, api_key: str, base_url: str | None = None) -> None:
        self._config = config
        self._http = httpx.AsyncClient(
            base_url=base_url or BASE_URL,
            headers={"Authorization": f"Basic {api_key}"},
            timeout=httpx.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS),
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
            async with self._http.stream("POST", "/tts/v1/voice:stream", json=self._request(text)) as response:
                if response.status_code != HTTPStatus.OK:
                    raise refused(PROVIDER, response.status_code) from None
                async for pcm in whole_samples(_audio(response.aiter_lines())):
                    started = True
                    yield pcm
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
        """Characters spoken."""
        return ProviderUsage(characters=self._characters)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _request(self, text: str) -> dict[str, Any]:
        audio: dict[str, Any] = {"audioEncoding": "LINEAR16", "sampleRateHertz": SAMPLE_RATE}
        if self._config.speed is not None:
            audio["speakingRate"] = self._config.speed
        request = {
            "text": text,
            "voiceId": self._config.voice_id,
            "modelId": self._config.model,
            "audioConfig": audio,
        }
        return request if self._config.language is None else request | {"language": self._config.language}


async def _audio(lines: AsyncIterator[str]) -> AsyncIterator[bytes]:
    """Each line is one JSON object with a piece of sound. Raises ProviderError for an error among them."""
    async for line in lines:
        if not line.strip():
            continue
        try:
            message = json.loads(line)
            if error := message.get("error"):
                raise _failure(error)
            sound = base64.b64decode(message["result"]["audioContent"])
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
            raise dropped(PROVIDER) from None
        yield without_wav_header(sound)


def _failure(error: Any) -> ProviderError:
    code = error.get("code") if isinstance(error, dict) else None
    status = _STATUS_OF_CODE.get(code if isinstance(code, int) else 0, HTTPStatus.INTERNAL_SERVER_ERROR)
    return refused(PROVIDER, status)


def open_adapter(config: InworldTts, context: AdapterContext) -> InworldSpeech:
    """The adapter for a configuration, with the key and address to use."""
    return InworldSpeech(config, context.api_key, context.base_url)
