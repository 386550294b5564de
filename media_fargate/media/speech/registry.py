"""Which adapter speaks for which provider: by the catalogue's name, never by falling back to another."""

import asyncio
import importlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from media.speech.adapters import AdapterContext
from media.speech.interfaces import BadKeyError, ChatModel, ProviderError, Recogniser, Synthesiser, ToolSpec
from media.speech.local.models import LocalModels, local_models
from media.speech.priced import PricedModel, PricedRecogniser, PricedSynthesiser
from media.speech.speech_to_speech import SpeechModel
from sovereign.catalog.llm import LocalLlm
from sovereign.catalog.prices import Price, PricedSection, price_of
from sovereign.kernel.observe import count_unknown_price
from sovereign.provider_keys.ring import ProviderKey

LOCAL = "local"
_Kind = Literal["stt", "llm", "tts", "realtime"]


class Keys(Protocol):
    """Where provider keys come from (`sovereign.provider_keys.KeyRing`)."""

    def lookup(self, org_id: str, provider: str) -> ProviderKey | None:
        """The organization's own key, else the platform's; None when there is neither. May block."""


class ProviderChoice(Protocol):
    """What the registry reads of a catalogue configuration; the adapter reads the rest."""

    @property
    def provider(self) -> str:
        """The catalogue's name."""

    @property
    def secret_slots(self) -> tuple[str, ...]:
        """Where the key lies; empty for a keyless provider."""


class Providers:
    """Opens the providers of a call. One per process.

    `base_urls` replaces a vendor's address by provider name; a service there needs no key of the vendor's.
    """

    def __init__(self, keys: Keys, model_cache: Path, base_urls: Mapping[str, str] | None = None) -> None:
        self._keys = keys
        self._base_urls = base_urls or {}
        self._model_cache = model_cache

    async def recogniser(self, config: ProviderChoice, org_id: str) -> Recogniser:
        """The recogniser of an `stt_config`. Raises ProviderError for an unknown provider or a missing key."""
        opened: Recogniser
        opened, price = await self._open("stt", config, org_id)
        return PricedRecogniser(opened, price) if price else opened

    async def chat_model(self, config: ProviderChoice, org_id: str) -> ChatModel:
        """The text model of an `llm_config`. Raises ProviderError for an unknown provider or a missing key."""
        opened: ChatModel
        opened, price = await self._open("llm", config, org_id)
        return PricedModel(opened, price) if price else opened

    async def synthesiser(self, config: ProviderChoice, org_id: str) -> Synthesiser:
        """The voice of a `tts_config`. Raises ProviderError for an unknown provider or a missing key."""
        opened: Synthesiser
        opened, price = await self._open("tts", config, org_id)
        return opened if config.provider == LOCAL else PricedSynthesiser(opened, price)

    async def speech_model(self, config: ProviderChoice, org_id: str) -> tuple[SpeechModel, Price | None]:
        """The speech-to-speech model of an `llm_config` and its price, None when that is unknown.

        Raises ProviderError for an unknown provider or a missing key.
        """
        opened: SpeechModel
        opened, price = await self._open("realtime", config, org_id)
        return opened, price

    async def runs_on_own_key(self, config: ProviderChoice, org_id: str) -> bool:
        """Whether a provider of this configuration is used with the organization's own key."""
        if config.provider == LOCAL:
            return False
        slots = config.secret_slots
        key = await asyncio.to_thread(self._keys.lookup, org_id, slots[0] if slots else config.provider)
        return key is not None and key.byok

    async def warm_up(self, providers: Collection[str] = (LOCAL,)) -> None:
        """Import the adapters of these providers and load the local models, so that the first call need not wait.

        Raises ProviderError when the local models are wanted and not installed.
        """
        await asyncio.to_thread(_import_adapters, providers)
        if LOCAL in providers:
            models = self.local
            await asyncio.gather(
                models.run(lambda: models.moonshine),
                models.run(lambda: models.hibari),
                models.run(lambda: models.encoder),
            )

    async def prepare_chat(
        self, config: ProviderChoice, instructions: Sequence[str], tools: Sequence[ToolSpec]
    ) -> None:
        """Let a local chat model read an assistant before its first turn; nothing to do for the others."""
        if isinstance(config, LocalLlm):
            from media.speech.local.chat_models import open_model  # noqa: PLC0415

            await open_model(config, self.local).prepare(instructions, tools)

    @property
    def local(self) -> LocalModels:
        """The local models of this process."""
        return local_models(self._model_cache)

    async def context_for(self, provider: str, org_id: str, slot: str | None = None) -> AdapterContext:
        """The key to use and where to; `slot` holds the key where that is not the provider's name.

        Raises BadKeyError when none is configured and the vendor's address is used.
        """
        if provider == LOCAL:
            return AdapterContext("", None, self._model_cache)
        key = await asyncio.to_thread(self._keys.lookup, org_id, slot or provider)
        if key and key.base_url:  # the organization's own address belongs to its own key, and only to that
            return AdapterContext(key.value, key.base_url, self._model_cache, guarded=True)
        base_url = self._base_urls.get(_VENDORS.get(provider, provider))
        if key is None and base_url is None:
            raise BadKeyError(provider, "no key is configured", retryable=False)
        return AdapterContext(key.value if key else "none", base_url, self._model_cache)

    async def _open(self, section: _Kind, config: ProviderChoice, org_id: str) -> tuple[Any, Price | None]:
        """The adapter, and what it costs where that is known here (a free one knows it by itself)."""
        place = _ADAPTERS[section].get(config.provider)
        if place is None:
            raise ProviderError(config.provider, f"not offered here as {_KINDS[section]}", retryable=False)
        slots = config.secret_slots
        context = await self.context_for(config.provider, org_id, slots[0] if slots else None)
        # an SDK's import takes seconds on a small machine, which the event loop must not wait for
        module = await asyncio.to_thread(importlib.import_module, place)
        return module.open_adapter(config, context), _price(
            "llm" if section == "realtime" else section, config, context
        )


def _price(section: PricedSection, config: ProviderChoice, context: AdapterContext) -> Price | None:
    if config.provider == LOCAL:
        return None
    model, language = getattr(config, "model", None), getattr(config, "language", None)
    # at another address than the vendor's, its price list says nothing
    price = None if context.base_url else price_of(section, config.provider, model, language)
    if price is None:
        count_unknown_price(section, config.provider, model or "")
    return price


def _import_adapters(providers: Collection[str]) -> None:
    for openers in _ADAPTERS.values():
        for provider in openers.keys() & set(providers):
            importlib.import_module(openers[provider])


# Modules by name: each has `open_adapter(config, context)` and imports its vendor's SDK.
_RECOGNISERS: Mapping[str, str] = {
    "local": "media.speech.local.recogniser",
    "deepgram": "media.speech.stt.deepgram",
    "elevenlabs": "media.speech.stt.elevenlabs",
    "gladia": "media.speech.stt.gladia",
    "mistral": "media.speech.stt.mistral",
    "google": "media.speech.stt.google",
}
_CHAT_MODELS: Mapping[str, str] = {
    "local": "media.speech.local.chat_models",
    "openai": "media.speech.llm.openai",
    "xai": "media.speech.llm.xai",
    "mistral": "media.speech.llm.mistral",
    "google": "media.speech.llm.google",
}
_SYNTHESISERS: Mapping[str, str] = {
    "local": "media.speech.local.synthesiser",
    "openai": "media.speech.tts.openai",
    "elevenlabs": "media.speech.tts.elevenlabs",
    "inworld": "media.speech.tts.inworld",
    "google": "media.speech.tts.google",
    "xai": "media.speech.tts.xai",
}
_SPEECH_MODELS: Mapping[str, str] = {
    "google_realtime": "media.speech.realtime.google",
    "xai_realtime": "media.speech.realtime.xai",
    "openai_live": "media.speech.realtime.openai_live",
}
_VENDORS: Mapping[str, str] = {"google_realtime": "google", "xai_realtime": "xai", "openai_live": "openai"}
"""Whose address it is, where the catalogue's name is not the vendor's."""
_ADAPTERS: Mapping[_Kind, Mapping[str, str]] = {
    "stt": _RECOGNISERS,
    "llm": _CHAT_MODELS,
    "tts": _SYNTHESISERS,
    "realtime": _SPEECH_MODELS,
}
_KINDS: Mapping[_Kind, str] = {
    "stt": "speech to text",
    "llm": "language model",
    "tts": "text to speech",
    "realtime": "speech-to-speech model",
}
