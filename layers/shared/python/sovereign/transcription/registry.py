"""Which vendor transcribes: by name, never by falling back to another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sovereign.catalog.postcall import PostcallStt
from sovereign.provider_keys.ring import ProviderKey
from sovereign.transcription.deepgram import DeepgramTranscriber
from sovereign.transcription.elevenlabs import ElevenLabsTranscriber
from sovereign.transcription.interface import Transcriber, TranscriptionError


class Keys(Protocol):
    """Where provider keys come from (`sovereign.provider_keys.KeyRing`)."""

    def lookup(self, org_id: str, provider: str) -> ProviderKey | None:
        """The organization's own key, else the platform's; None when there is neither."""


@dataclass(frozen=True)
class Transcribers:
    """Opens transcribers for an organization. `base_urls` overrides a vendor's address by provider name."""

    keys: Keys
    base_urls: Mapping[str, str]

    def open(self, config: PostcallStt, org_id: str) -> Transcriber:
        """The chosen model. Raises TranscriptionError for an unknown provider or a missing key."""
        opener = _OPENERS.get(config.provider)
        if opener is None:
            raise TranscriptionError(config.provider, "not offered for recordings")
        key = self.keys.lookup(org_id, config.provider)
        if key is None:
            raise TranscriptionError(config.provider, "no key is configured")
        return opener(config.model, config.language, key.value, self.base_urls.get(config.provider))


_OPENERS: Mapping[str, Callable[[str, str | None, str, str | None], Transcriber]] = {
    "elevenlabs": ElevenLabsTranscriber,
    "deepgram": DeepgramTranscriber,
}
