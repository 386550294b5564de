"""Recognisers: speech to text while the caller speaks."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from sovereign.catalog.base import ProviderConfig
from sovereign.catalog.languages import Language


class SttConfig(ProviderConfig):
    """What every recogniser takes. `language` is a catalogue language; `multi` lets the recogniser tell."""

    secret_slots: ClassVar[tuple[str, ...]] = ()

    model: str
    language: str


class LocalStt(SttConfig):
    """Keyless, English only."""

    provider: Literal["local"]
    model: Literal["moonshine-base-en"]
    language: Literal["en"]


class DeepgramStt(SttConfig):
    """Deepgram's streaming recogniser; times are in milliseconds."""

    secret_slots: ClassVar[tuple[str, ...]] = ("deepgram",)

    provider: Literal["deepgram"]
    model: Literal["nova-3", "nova-3-general"]
    language: Language
    keyterms: list[str] | None = None
    smart_format: bool | None = None
    endpointing: Annotated[int, Field(ge=0, le=5000)] | None = None
    numerals: bool | None = None
    filler_words: bool | None = None
    utterance_end_ms: Annotated[int, Field(ge=1000, le=5000)] | None = None
    no_delay: bool | None = None


class ElevenLabsStt(SttConfig):
    """ElevenLabs' streaming recogniser; `sample_rate` in hertz."""

    secret_slots: ClassVar[tuple[str, ...]] = ("elevenlabs",)

    provider: Literal["elevenlabs"]
    model: Literal["scribe_v2_realtime"]
    language: Language
    tag_audio_events: bool | None = None
    include_timestamps: bool | None = None
    sample_rate: Literal[16000, 8000] | None = None


class GladiaStt(SttConfig):
    """Gladia's streaming recogniser; `endpointing` in seconds."""

    secret_slots: ClassVar[tuple[str, ...]] = ("gladia",)

    provider: Literal["gladia"]
    model: Literal["solaria-1"]
    language: Language
    languages: list[str] | None = None
    code_switching: bool | None = None
    region: Literal["eu-west", "us-west"] | None = None
    endpointing: Annotated[float, Field(ge=0.01, le=1)] | None = None
    custom_vocabulary: list[str] | None = None
    translation_enabled: bool | None = None
    translation_target_languages: list[str] | None = None


class MistralStt(SttConfig):
    """Mistral's streaming recogniser."""

    secret_slots: ClassVar[tuple[str, ...]] = ("mistral",)

    provider: Literal["mistral"]
    model: Literal["voxtral-mini-latest"]
    language: Language


class GoogleStt(SttConfig):
    """Chirp on Vertex AI, in the EU."""

    secret_slots: ClassVar[tuple[str, ...]] = ("google_vertex",)
    vertex_location: ClassVar[str] = "eu"

    provider: Literal["google"]
    model: Literal["chirp_3"]
    language: Language
