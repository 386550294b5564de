"""The whole catalogue: every provider by section and name, and the fields that hold any provider's configuration."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, WrapValidator

from sovereign.catalog import llm, postcall, realtime, stt, tts
from sovereign.catalog.base import Kind, ProviderConfig, by_provider, close_section
from sovereign.catalog.tts import models_of

Section = Literal["llm", "stt", "tts", "postcall_stt", "postcall_llm"]

LLM_CONFIGS: Mapping[str, type[llm.LlmConfig]] = {
    "local": llm.LocalLlm,
    "openai": llm.OpenAiLlm,
    "xai": llm.XaiLlm,
    "mistral": llm.MistralLlm,
    "google": llm.GoogleLlm,
    "google_realtime": realtime.GoogleRealtime,
    "xai_realtime": realtime.XaiRealtime,
    "openai_live": realtime.OpenAiLive,
}
STT_CONFIGS: Mapping[str, type[stt.SttConfig]] = {
    "local": stt.LocalStt,
    "deepgram": stt.DeepgramStt,
    "elevenlabs": stt.ElevenLabsStt,
    "gladia": stt.GladiaStt,
    "mistral": stt.MistralStt,
    "google": stt.GoogleStt,
}
TTS_CONFIGS: Mapping[str, type[tts.TtsConfig]] = {
    "local": tts.LocalTts,
    "elevenlabs": tts.ElevenLabsTts,
    "inworld": tts.InworldTts,
    "google": tts.GoogleTts,
    "xai": tts.XaiTts,
    "openai": tts.OpenAiTts,
}
POSTCALL_STT_CONFIGS: Mapping[str, type[postcall.PostcallStt]] = {
    "elevenlabs": postcall.ElevenLabsPostcallStt,
    "deepgram": postcall.DeepgramPostcallStt,
}
POSTCALL_LLM_CONFIGS: Mapping[str, type[postcall.PostcallLlm]] = {
    "local": postcall.LocalPostcallLlm,
    "openai": postcall.OpenAiPostcallLlm,
    "xai": postcall.XaiPostcallLlm,
    "mistral": postcall.MistralPostcallLlm,
    "google": postcall.GooglePostcallLlm,
}
_SECTIONS: Mapping[Section, Mapping[str, type[ProviderConfig]]] = {
    "llm": LLM_CONFIGS,
    "stt": STT_CONFIGS,
    "tts": TTS_CONFIGS,
    "postcall_stt": POSTCALL_STT_CONFIGS,
    "postcall_llm": POSTCALL_LLM_CONFIGS,
}
for _configs in _SECTIONS.values():
    close_section(_configs.values())

_ADAPTED: Mapping[Section, frozenset[str]] = {
    "llm": frozenset({"local", "openai", "xai", "mistral", "google", "google_realtime", "xai_realtime", "openai_live"}),
    "stt": frozenset({"local", "deepgram", "elevenlabs", "gladia", "mistral", "google"}),
    "tts": frozenset({"local", "openai", "elevenlabs", "inworld", "google", "xai"}),
    "postcall_stt": frozenset({"elevenlabs", "deepgram"}),
    "postcall_llm": frozenset({"local", "openai", "xai", "mistral", "google"}),
}
"""Providers with an adapter in this version; the container's registry is tested against it."""

_DEFAULT_VOICES: Mapping[tuple[Section, str], str] = {
    ("llm", "google_realtime"): "Puck",
    ("llm", "xai_realtime"): "ara",
    ("llm", "openai_live"): "marin",
    ("tts", "local"): "heart",
    ("tts", "google"): "Kore",
    ("tts", "xai"): "ara",
}
_TTS_ALIASES = {"11labs": "elevenlabs"}
_TTS_REFUSED = {"voicedock": "not offered here"}


@dataclass(frozen=True)
class Provider:
    """One entry of the catalogue. `adapted` tells whether this version can really run it on a call."""

    section: Section
    name: str
    kind: Kind
    config: type[ProviderConfig]
    models: tuple[str, ...]
    default_model: str | None
    default_voice: str | None
    adapted: bool


def providers(section: Section) -> tuple[Provider, ...]:
    """The providers of a section, in catalogue order."""
    return tuple(provider(section, name) for name in _SECTIONS[section])


def provider(section: Section, name: str) -> Provider:
    """One entry. Raises KeyError for a name the section does not know."""
    config = _SECTIONS[section][name]
    models = models_of(config)
    return Provider(
        section=section,
        name=name,
        kind=config.kind if issubclass(config, llm.LlmConfig) else "text",
        config=config,
        models=models,
        default_model=_default_model(config, models),
        default_voice=_DEFAULT_VOICES.get((section, name)),
        adapted=name in _ADAPTED[section],
    )


def is_realtime(config: ProviderConfig | None) -> bool:
    """Whether a model hears and speaks by itself."""
    return isinstance(config, realtime.RealtimeConfig)


def _default_model(config: type[ProviderConfig], models: tuple[str, ...]) -> str | None:
    field = config.model_fields.get("model")
    if field is None:
        return None
    return models[0] if field.is_required() else str(field.default)


def _field(pick: Callable[[Any], Any]) -> WrapValidator:
    # the union describes the field in OpenAPI and on the way out; on the way in `provider` alone decides
    return WrapValidator(lambda value, _union: pick(value))


_LlmUnion = Annotated[
    llm.LocalLlm
    | llm.OpenAiLlm
    | llm.XaiLlm
    | llm.MistralLlm
    | llm.GoogleLlm
    | realtime.GoogleRealtime
    | realtime.XaiRealtime
    | realtime.OpenAiLive,
    Field(discriminator="provider"),
]
_SttUnion = Annotated[
    stt.LocalStt | stt.DeepgramStt | stt.ElevenLabsStt | stt.GladiaStt | stt.MistralStt | stt.GoogleStt,
    Field(discriminator="provider"),
]
_TtsUnion = Annotated[
    tts.LocalTts | tts.ElevenLabsTts | tts.InworldTts | tts.GoogleTts | tts.XaiTts | tts.OpenAiTts,
    Field(discriminator="provider"),
]
_PostcallSttUnion = Annotated[
    postcall.ElevenLabsPostcallStt | postcall.DeepgramPostcallStt, Field(discriminator="provider")
]
_PostcallLlmUnion = Annotated[
    postcall.LocalPostcallLlm
    | postcall.OpenAiPostcallLlm
    | postcall.XaiPostcallLlm
    | postcall.MistralPostcallLlm
    | postcall.GooglePostcallLlm,
    Field(discriminator="provider"),
]
AnyLlm = Annotated[_LlmUnion, _field(by_provider(LLM_CONFIGS))]
AnyStt = Annotated[_SttUnion, _field(by_provider(STT_CONFIGS))]
AnyTts = Annotated[_TtsUnion, _field(by_provider(TTS_CONFIGS, aliases=_TTS_ALIASES, refused=_TTS_REFUSED))]
AnyPostcallStt = Annotated[_PostcallSttUnion, _field(by_provider(POSTCALL_STT_CONFIGS))]
AnyPostcallLlm = Annotated[_PostcallLlmUnion, _field(by_provider(POSTCALL_LLM_CONFIGS))]

BYOK_PROVIDERS: tuple[str, ...] = (
    "deepgram", "openai", "elevenlabs", "inworld", "resend", "xai", "gladia", "mistral", "google", "google_vertex",
)  # fmt: skip
"""The slots in which an organization may keep keys of its own."""
