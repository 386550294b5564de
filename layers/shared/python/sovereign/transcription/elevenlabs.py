"""ElevenLabs' Scribe for recordings (`POST /v1/speech-to-text` with an address)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import httpx

from sovereign.transcription.http import ask, unreadable
from sovereign.transcription.interface import AGENT, CALLER, Spoken

PROVIDER = "elevenlabs"
_ADDRESS = "https://api.elevenlabs.io"
_PAUSE_SECONDS = 0.8
"""Scribe tells words; a pause this long between two of a channel ends an utterance."""
_ANY_LANGUAGE = "multi"


class ElevenLabsTranscriber:
    """One model. `language` None or `multi`: Scribe tells it."""

    def __init__(
        self,
        model: str,
        language: str | None,
        api_key: str,
        base_url: str | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._model = model
        self._language = None if language == _ANY_LANGUAGE else language
        self._api_key = api_key
        self._url = f"{(base_url or _ADDRESS).rstrip('/')}/v1/speech-to-text"
        self._transport = transport

    def transcribe(self, address: str) -> list[Spoken]:
        """Each utterance of each channel. Raises TranscriptionError."""
        found = ask(
            PROVIDER,
            self._url,
            transport=self._transport,
            headers={"xi-api-key": self._api_key},
            # text members of a form with parts, as the API takes them
            files={name: (None, value) for name, value in self._form(address).items()},
        )
        try:
            words = [word for word in found["words"] if word["type"] == "word"]
            return [said for channel in (CALLER, AGENT) for said in _utterances(channel, words)]
        except (KeyError, TypeError, ValueError):
            raise unreadable(PROVIDER) from None

    def _form(self, address: str) -> Mapping[str, str]:
        form = {
            "model_id": self._model,
            "source_url": address,
            "use_multi_channel": "true",
            "multichannel_output_style": "combined",
            "timestamps_granularity": "word",
            "tag_audio_events": "false",
            "diarize": "false",
        }
        return form if self._language is None else form | {"language_code": self._language}


def _utterances(channel: int, words: Iterable[Mapping[str, Any]]) -> Iterator[Spoken]:
    """The words of one channel, cut at its pauses."""
    began = ended = 0.0
    said: list[str] = []
    for word in words:
        if word["channel_index"] != channel:
            continue
        start, end = float(word["start"]), float(word["end"])
        if said and start - ended > _PAUSE_SECONDS:
            yield Spoken(began, channel, " ".join(said))
            said = []
        if not said:
            began = start
        said.append(str(word["text"]).strip())
        ended = end
    if said:
        yield Spoken(began, channel, " ".join(said))
