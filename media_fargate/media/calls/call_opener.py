"""Opens a call's providers, and knows whose keys they run on."""

from dataclasses import dataclass, field
from typing import Any

from media.speech.interfaces import ChatModel, Recogniser, Synthesiser
from media.speech.registry import Providers
from media.speech.speech_to_speech import SpeechModel
from sovereign.catalog.llm import LlmConfig
from sovereign.catalog.prices import Price
from sovereign.catalog.stt import SttConfig
from sovereign.catalog.tts import TtsConfig


@dataclass(frozen=True)
class CallOpener:
    """Opens providers for one call: those it begins with, those of a workflow's nodes, and fallbacks once they are
    needed. `own_keys` are the services (`stt`, `llm`, `tts`) that ran on a key of the organization's own so far."""

    providers: Providers
    org_id: str
    own_keys: set[str] = field(default_factory=set)

    async def chat_model(self, config: LlmConfig) -> ChatModel:
        """A text model. Raises ProviderError."""
        own = await self._own_key(config)
        opened = await self.providers.chat_model(config, self.org_id)
        self._note("llm", own=own)
        return opened

    async def synthesiser(self, config: TtsConfig) -> Synthesiser:
        """A voice. Raises ProviderError."""
        own = await self._own_key(config)
        opened = await self.providers.synthesiser(config, self.org_id)
        self._note("tts", own=own)
        return opened

    async def recogniser(self, config: SttConfig) -> Recogniser:
        """A recogniser. Raises ProviderError."""
        own = await self._own_key(config)
        opened = await self.providers.recogniser(config, self.org_id)
        self._note("stt", own=own)
        return opened

    async def speech_model(self, config: LlmConfig) -> tuple[SpeechModel, Price | None]:
        """A speech-to-speech model and its price, None when that is unknown. Raises ProviderError."""
        own = await self._own_key(config)
        opened = await self.providers.speech_model(config, self.org_id)
        self._note("llm", own=own)
        return opened

    async def _own_key(self, config: Any) -> bool:
        return await self.providers.runs_on_own_key(config, self.org_id)

    def _note(self, service: str, *, own: bool) -> None:
        """Waits for nothing: a call that ends just now must still get what was opened, to close it."""
        if own:
            self.own_keys.add(service)
