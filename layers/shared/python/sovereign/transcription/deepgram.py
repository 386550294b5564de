"""Deepgram's recogniser of recordings (`POST /v1/listen` with an address)."""

from collections.abc import Mapping

import httpx

from sovereign.transcription.http import ask, unreadable
from sovereign.transcription.interface import Spoken

PROVIDER = "deepgram"
_ADDRESS = "https://api.deepgram.com"


class DeepgramTranscriber:
    """One model. `language` None: Deepgram tells it, one for the whole recording."""

    def __init__(
        self,
        model: str,
        language: str | None,
        api_key: str,
        base_url: str | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._model = model
        self._language = language
        self._api_key = api_key
        self._url = f"{(base_url or _ADDRESS).rstrip('/')}/v1/listen"
        self._transport = transport

    def transcribe(self, address: str) -> list[Spoken]:
        """Each utterance of each channel. Raises TranscriptionError."""
        found = ask(
            PROVIDER,
            self._url,
            transport=self._transport,
            params=self._parameters(),
            headers={"Authorization": f"Token {self._api_key}"},
            json={"url": address},
        )
        try:
            return [
                Spoken(float(said["start"]), int(said["channel"]), str(said["transcript"]))
                for said in found["results"]["utterances"]
            ]
        except (KeyError, TypeError, ValueError):
            raise unreadable(PROVIDER) from None

    def _parameters(self) -> Mapping[str, str]:
        language = {"detect_language": "true"} if self._language is None else {"language": self._language}
        asked = {"model": self._model, "multichannel": "true", "utterances": "true", "smart_format": "true"}
        return asked | language
