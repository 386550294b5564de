"""Synthesisers: text to speech."""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from sovereign.catalog.base import ProviderConfig
from sovereign.catalog.voices import GeminiVoice, LocalVoice, OpenAiVoice, XaiVoice

Share = Annotated[float, Field(ge=0, le=1)]
FreeVoice = Annotated[str, Field(min_length=1, max_length=200)]


class TtsConfig(ProviderConfig):
    """What every synthesiser takes."""

    voice_id: str

    @property
    def secret_slots(self) -> tuple[str, ...]:
        """The key this provider and model need, empty for a keyless one."""
        return ()


class LocalTts(TtsConfig):
    """Keyless, English only."""

    provider: Literal["local"]
    model: Literal["hibari"] = "hibari"
    voice_id: LocalVoice


ElevenLabsModel = Literal[
    "eleven_flash_v2_5", "eleven_v4_turbo", "eleven_v4", "eleven_v3", "eleven_multilingual_v2", "eleven_turbo_v2_5",
]  # fmt: skip
_EXPRESSIVE_MODELS = frozenset({"eleven_v4_turbo", "eleven_v4", "eleven_v3"})


class ElevenLabsTts(TtsConfig):
    """ElevenLabs. The expressive models (v3, v4) heed only `stability` and `apply_text_normalization`."""

    provider: Literal["elevenlabs"]
    model: ElevenLabsModel = "eleven_flash_v2_5"
    voice_id: FreeVoice
    stability: Share | None = None
    similarity_boost: Share | None = None
    style: Share | None = None
    speed: Annotated[float, Field(ge=0.5, le=2)] | None = None
    use_speaker_boost: bool | None = None
    apply_text_normalization: Literal["auto", "on", "off"] | None = None
    apply_language_text_normalization: bool | None = None
    language: str | None = None

    @property
    def secret_slots(self) -> tuple[str, ...]:
        """ElevenLabs' key."""
        return ("elevenlabs",)

    @classmethod
    def set_aside(cls, given: dict[str, Any]) -> list[str]:
        """As the base; beside it the members the chosen model does not heed."""
        aside = super().set_aside(given)
        model = given.get("model")
        if isinstance(model, str) and model in _EXPRESSIVE_MODELS:
            heeded = {"provider", "model", "voice_id", "stability", "apply_text_normalization"}
            unheeded = sorted((set(given) & cls.wire_names()) - heeded)
            for name in unheeded:
                del given[name]
            aside += unheeded
        return aside


class InworldTts(TtsConfig):
    """Inworld."""

    provider: Literal["inworld"]
    model: Literal["inworld-tts-2", "inworld-tts-2-flash", "inworld-tts-1.5-max", "inworld-tts-1.5-mini"] = (
        "inworld-tts-2"
    )
    voice_id: FreeVoice
    language: str | None = None
    speed: Annotated[float, Field(ge=0.5, le=2)] | None = None

    @property
    def secret_slots(self) -> tuple[str, ...]:
        """Inworld's key."""
        return ("inworld",)


class GoogleTts(TtsConfig):
    """Gemini's speech models, and Chirp on Vertex AI (the only one that heeds `speaking_rate`)."""

    provider: Literal["google"]
    model: Literal[
        "gemini-3.1-flash-tts-preview", "gemini-2.5-flash-preview-tts", "gemini-2.5-pro-preview-tts", "chirp-3-hd"
    ] = "gemini-3.1-flash-tts-preview"
    voice_id: GeminiVoice
    instructions: str | None = None
    language: str | None = None
    speaking_rate: float = Field(default=1, ge=0.25, le=2)

    @property
    def secret_slots(self) -> tuple[str, ...]:
        """Vertex AI for Chirp, the Gemini API's key for the others."""
        return ("google_vertex",) if self.model == "chirp-3-hd" else ("google",)


class XaiTts(TtsConfig):
    """xAI's voices; there is no model to choose."""

    provider: Literal["xai"]
    voice_id: XaiVoice
    language: str | None = None

    @property
    def secret_slots(self) -> tuple[str, ...]:
        """xAI's key."""
        return ("xai",)


class OpenAiTts(TtsConfig):
    """OpenAI's speech model; there is one, so `model` of another provider has no effect."""

    provider: Literal["openai"]
    model: Literal["gpt-4o-mini-tts"] = "gpt-4o-mini-tts"
    voice_id: OpenAiVoice
    speed: Annotated[float, Field(ge=0.25, le=4)] | None = None
    instructions: str | None = None

    @property
    def secret_slots(self) -> tuple[str, ...]:
        """OpenAI's key."""
        return ("openai",)

    @classmethod
    def set_aside(cls, given: dict[str, Any]) -> list[str]:
        """As the base; beside it a model name that belongs to another synthesiser."""
        aside = super().set_aside(given)
        model = given.get("model")
        if isinstance(model, str) and any(
            model in models_of(config) for config in (ElevenLabsTts, InworldTts, GoogleTts)
        ):
            del given["model"]
            aside.append("model")
        return aside


def models_of(config: type[ProviderConfig]) -> tuple[str, ...]:
    """The models a configuration accepts, default first where it has one; empty when there is none to choose."""
    field = config.model_fields.get("model")
    return get_args(field.annotation) if field else ()
