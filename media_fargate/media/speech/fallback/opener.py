"""Opens providers with the deployment's fallbacks behind them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from media.speech.counted import CountedModel, ModelUsage
from media.speech.fallback.chain import Chain, Open, Setbacks
from media.speech.fallback.model import FallbackModel
from media.speech.fallback.recogniser import FallbackRecogniser
from media.speech.fallback.voice import FallbackVoice
from media.speech.interfaces import ChatModel, Recogniser, Synthesiser
from media.speech.registry import LOCAL
from sovereign.catalog.fallbacks import Fallbacks
from sovereign.catalog.llm import LlmConfig
from sovereign.catalog.stt import SttConfig
from sovereign.catalog.tts import TtsConfig

Config = TypeVar("Config")
Provider = TypeVar("Provider")


class Opener(Protocol):
    """Opens providers for one organization. Everything raises ProviderError."""

    async def chat_model(self, config: LlmConfig) -> ChatModel:
        """A text model."""

    async def synthesiser(self, config: TtsConfig) -> Synthesiser:
        """A voice."""

    async def recogniser(self, config: SttConfig) -> Recogniser:
        """A recogniser."""


class Figures(Setbacks, ModelUsage, Protocol):
    """Where failures, and answers without figures, are told (`CallFigures`)."""


@dataclass(frozen=True)
class FallbackOpener:
    """As the opener behind it; what it opens has the fallbacks of its kind behind it, where there are any, and a
    vendor's text model is counted."""

    opener: Opener
    fallbacks: Fallbacks
    setbacks: Figures

    async def chat_model(self, config: LlmConfig) -> ChatModel:
        """A text model, open. Raises ProviderError when none opens."""
        if not self.fallbacks.llm:
            return await self._counted_model(config)
        chain = Chain[ChatModel](_openers(self._counted_model, config, self.fallbacks.llm), self.setbacks)
        await chain.current()
        return FallbackModel(chain)

    async def _counted_model(self, config: LlmConfig) -> ChatModel:
        model = await self.opener.chat_model(config)
        return model if config.provider == LOCAL else CountedModel(model, self.setbacks)

    async def synthesiser(self, config: TtsConfig) -> Synthesiser:
        """A voice, open. Raises ProviderError when none opens."""
        if not self.fallbacks.tts:
            return await self.opener.synthesiser(config)
        chain = Chain[Synthesiser](_openers(self.opener.synthesiser, config, self.fallbacks.tts), self.setbacks)
        return await FallbackVoice.opened(chain)

    async def recogniser(self, config: SttConfig) -> Recogniser:
        """A recogniser, open. Raises ProviderError when none opens."""
        if not self.fallbacks.stt:
            return await self.opener.recogniser(config)
        chain = Chain[Recogniser](_openers(self.opener.recogniser, config, self.fallbacks.stt), self.setbacks)
        await chain.current()
        return FallbackRecogniser(chain)


def _openers(
    open_one: Callable[[Config], Awaitable[Provider]], chosen: Config, fallbacks: Sequence[Config]
) -> Sequence[Open[Provider]]:
    def opener(config: Config) -> Open[Provider]:
        return lambda: open_one(config)

    # a fallback that is what was chosen would only be asked a third time
    return [opener(chosen), *(opener(config) for config in fallbacks if config != chosen)]
