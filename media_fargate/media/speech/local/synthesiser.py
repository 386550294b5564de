"""Text to speech with hibari, sentence by sentence."""

from collections.abc import AsyncIterator

from media.speech.adapters import AdapterContext
from media.speech.interfaces import ProviderUsage
from media.speech.local.hibari import SAMPLE_RATE
from media.speech.local.models import LocalModels, local_models
from media.speech.local.normalise import spoken
from media.speech.local.pcm import to_pcm
from sovereign.catalog.tts import LocalTts

_CHUNK_BYTES = SAMPLE_RATE // 5 * 2


class LocalSynthesiser:
    """Speaks with the shared voice; free, so `usage.cost_usd` is 0."""

    def __init__(self, models: LocalModels) -> None:
        self._models = models
        self._characters = 0

    @property
    def sample_rate(self) -> int:
        """24000."""
        return SAMPLE_RATE

    async def stream(self, text: str) -> AsyncIterator[bytes]:
        """Speak a text in chunks of at most 200 ms; numbers, dates and the like are read out in full."""
        self._characters += len(text)
        for sentence in await self._models.run(lambda: self._models.hibari.sentences(spoken(text))):
            pcm = await self._models.run(lambda s: to_pcm(self._models.hibari.speak_sentence(s)), sentence)
            for at in range(0, len(pcm), _CHUNK_BYTES):
                yield pcm[at : at + _CHUNK_BYTES]

    @property
    def usage(self) -> ProviderUsage:
        """Characters spoken."""
        return ProviderUsage(characters=self._characters, cost_usd=0.0)

    async def close(self) -> None:
        """Nothing is held."""


def open_adapter(_config: LocalTts, context: AdapterContext) -> LocalSynthesiser:
    """The voice on the process's models."""
    return LocalSynthesiser(local_models(context.model_cache))
