"""What the vendors charge: their public list prices in US dollars, each with where and when it was read.

None is a price we do not know; a call that used it then has no cost, never a wrong one. Contracts, plans and regional
surcharges are not in here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

PricedSection = Literal["llm", "stt", "tts", "postcall_stt"]

_PER_MILLION = 1_000_000
_SECONDS_PER_MINUTE = 60


class Quantities(Protocol):
    """What was used; the cached and audio tokens are part of the input and output tokens."""

    @property
    def audio_seconds(self) -> float:
        """Audio heard or spoken."""

    @property
    def characters(self) -> int:
        """Characters spoken."""

    @property
    def input_tokens(self) -> int:
        """All tokens read."""

    @property
    def output_tokens(self) -> int:
        """All tokens written."""

    @property
    def cached_input_tokens(self) -> int:
        """Tokens read out of the vendor's cache."""

    @property
    def input_audio_tokens(self) -> int:
        """Tokens of sound that were heard."""

    @property
    def output_audio_tokens(self) -> int:
        """Tokens of sound that were spoken."""


@dataclass(frozen=True, kw_only=True)
class Price:
    """One row: only the rates the vendor charges by are set. Tokens and characters are per million."""

    source: str
    as_of: str
    per_minute: float | None = None
    characters: float | None = None
    input: float | None = None
    cached_input: float | None = None
    output: float | None = None
    input_audio: float | None = None
    output_audio: float | None = None

    @property
    def by_tokens(self) -> bool:
        """Whether tokens are what is charged."""
        return self.per_minute is None and self.characters is None

    def cost(self, used: Quantities) -> float | None:
        """US dollars for what was used; None when some of it has no rate here."""
        if self.per_minute is not None:
            return used.audio_seconds / _SECONDS_PER_MINUTE * self.per_minute
        if self.characters is not None:
            return used.characters / _PER_MILLION * self.characters
        return self._cost_of_tokens(used)

    def _cost_of_tokens(self, used: Quantities) -> float | None:
        plain = used.input_tokens - used.cached_input_tokens - used.input_audio_tokens
        # without a rate of its own, what came from the cache costs what anything else does
        cached = self.input if self.cached_input is None else self.cached_input
        parts = (
            (plain, self.input),
            (used.cached_input_tokens, cached),
            (used.input_audio_tokens, self.input_audio),
            (used.output_tokens - used.output_audio_tokens, self.output),
            (used.output_audio_tokens, self.output_audio),
        )
        total = 0.0
        for tokens, rate in parts:
            if tokens and rate is None:
                return None
            total += tokens * (rate or 0.0)
        return total / _PER_MILLION


def price_of(section: PricedSection, provider: str, model: str | None, language: str | None = None) -> Price | None:
    """The row of a model, of its language where that has a price of its own; None for an unknown price."""
    rows = _ROWS[section]
    name = model or ""
    return rows.get((provider, f"{name}/{language}")) or rows.get((provider, name))


def _tokens(source: str, as_of: str, reads: float, cached: float | None, writes: float) -> Price:
    return Price(source=source, as_of=as_of, input=reads, cached_input=cached, output=writes)


_OPENAI = "https://developers.openai.com/api/docs/pricing"
_XAI = "https://docs.x.ai/developers/pricing"
_MISTRAL = "https://mistral.ai/pricing/api/"
_VERTEX = "https://cloud.google.com/vertex-ai/generative-ai/pricing"
_GEMINI = "https://ai.google.dev/gemini-api/docs/pricing"
_GOOGLE_TTS = "https://cloud.google.com/text-to-speech/pricing"
_GOOGLE_STT = "https://cloud.google.com/speech-to-text/pricing"
_ELEVENLABS = "https://elevenlabs.io/pricing/api"
_DEEPGRAM = "https://deepgram.com/pricing"
_GLADIA = "https://www.gladia.io/pricing"

_Rows = Mapping[tuple[str, str], Price | None]

_LLM: _Rows = {
    ("openai", "gpt-5.4"): _tokens(_OPENAI, "2026-06", 2.50, 0.25, 15.00),
    ("openai", "gpt-5.4-mini"): _tokens(_OPENAI, "2026-06", 0.75, 0.075, 4.50),
    ("openai", "gpt-5.4-nano"): _tokens(_OPENAI, "2026-06", 0.20, 0.02, 1.25),
    ("openai", "gpt-5.2"): _tokens(_OPENAI, "2026-04", 1.75, 0.175, 14.00),
    ("openai", "gpt-5.1"): _tokens(_OPENAI, "2026-04", 1.25, 0.125, 10.00),
    ("openai", "gpt-5"): _tokens(_OPENAI, "2025-12", 1.25, 0.125, 10.00),
    ("openai", "gpt-5-mini"): _tokens(_OPENAI, "2025-12", 0.25, 0.025, 2.00),
    ("openai", "gpt-5-nano"): _tokens(_OPENAI, "2025-12", 0.05, 0.005, 0.40),
    ("openai", "gpt-4.1"): _tokens(_OPENAI, "2025-12", 2.00, 0.50, 8.00),
    ("openai", "gpt-4.1-mini"): _tokens(_OPENAI, "2025-12", 0.40, 0.10, 1.60),
    ("openai", "gpt-4.1-nano"): _tokens(_OPENAI, "2025-12", 0.10, 0.025, 0.40),
    ("openai", "gpt-4o"): _tokens(_OPENAI, "2025-12", 2.50, 1.25, 10.00),
    ("openai", "gpt-4o-mini"): _tokens(_OPENAI, "2025-12", 0.15, 0.075, 0.60),
    # announced in June 2026 for a limited preview, not seen on the price list
    ("openai", "gpt-5.6-luna"): None,
    ("openai", "gpt-5.6-terra"): None,
    ("openai", "gpt-5.6-sol"): None,
    ("openai_live", "gpt-live-1"): None,
    ("xai", "grok-4.3"): _tokens(_XAI, "2026-05", 1.25, 0.20, 2.50),
    ("xai", "grok-4-1-fast-non-reasoning"): _tokens(_XAI, "2026-05", 0.20, 0.05, 0.50),
    # $0.05 a minute was the price of the model before it
    ("xai_realtime", "grok-voice-think-fast-2.0"): None,
    # the aliases, by the models they stood for: Medium 3.5, Large 3, Ministral 3
    ("mistral", "mistral-medium-latest"): _tokens(_MISTRAL, "2026-06", 1.50, None, 7.50),
    ("mistral", "mistral-large-latest"): _tokens(_MISTRAL, "2026-06", 0.50, None, 1.50),
    ("mistral", "ministral-14b-latest"): _tokens(_MISTRAL, "2026-06", 0.20, None, 0.20),
    ("mistral", "ministral-8b-latest"): _tokens(_MISTRAL, "2026-06", 0.15, None, 0.15),
    ("mistral", "ministral-3b-latest"): _tokens(_MISTRAL, "2026-06", 0.10, None, 0.10),
    # our sources disagree on Small 4
    ("mistral", "mistral-small-latest"): None,
    ("google", "gemini-2.5-flash"): _tokens(_VERTEX, "2026-06", 0.30, 0.03, 2.50),
    ("google", "gemini-2.5-flash-lite"): _tokens(_VERTEX, "2026-06", 0.10, 0.01, 0.40),
    # in the `eu` location these cost a surcharge we have no figure for
    ("google", "gemini-3.5-flash"): None,
    ("google", "gemini-3.5-flash-lite"): None,
    ("google_realtime", "gemini-live-2.5-flash-native-audio"): Price(
        source=_VERTEX, as_of="2025-12", input=0.50, output=2.00, input_audio=3.00, output_audio=12.00
    ),
    ("google_realtime", "gemini-2.5-flash-native-audio-preview-12-2025"): Price(
        source=_GEMINI, as_of="2025-12", input=0.50, output=2.00, input_audio=3.00, output_audio=12.00
    ),
    ("google_realtime", "gemini-3.1-flash-live-preview"): None,
    ("google_realtime", "gemini-3.8-live"): None,
}  # fmt: skip

_STT: _Rows = {
    # the streaming prices of Pay As You Go
    ("deepgram", "nova-3"): Price(source=_DEEPGRAM, as_of="2025-12", per_minute=0.0077),
    ("deepgram", "nova-3/multi"): Price(source=_DEEPGRAM, as_of="2025-12", per_minute=0.0092),
    ("deepgram", "nova-3-general"): Price(source=_DEEPGRAM, as_of="2025-12", per_minute=0.0077),
    ("deepgram", "nova-3-general/multi"): Price(source=_DEEPGRAM, as_of="2025-12", per_minute=0.0092),
    ("elevenlabs", "scribe_v2_realtime"): Price(source=_ELEVENLABS, as_of="2026-06", per_minute=0.39 / 60),
    ("gladia", "solaria-1"): Price(source=_GLADIA, as_of="2025-12", per_minute=0.75 / 60),
    # one alias of a batch and of a realtime model with prices of their own
    ("mistral", "voxtral-mini-latest"): None,
    ("google", "chirp_3"): Price(source=_GOOGLE_STT, as_of="2025-12", per_minute=0.016),
}  # fmt: skip

_TTS: _Rows = {
    ("elevenlabs", "eleven_flash_v2_5"): Price(source=_ELEVENLABS, as_of="2026-06", characters=50.0),
    ("elevenlabs", "eleven_turbo_v2_5"): Price(source=_ELEVENLABS, as_of="2026-06", characters=50.0),
    ("elevenlabs", "eleven_multilingual_v2"): Price(source=_ELEVENLABS, as_of="2026-06", characters=100.0),
    ("elevenlabs", "eleven_v3"): Price(source=_ELEVENLABS, as_of="2026-06", characters=100.0),
    ("elevenlabs", "eleven_v4"): None,
    ("elevenlabs", "eleven_v4_turbo"): None,
    ("inworld", "inworld-tts-2"): None,
    ("inworld", "inworld-tts-2-flash"): None,
    ("inworld", "inworld-tts-1.5-max"): None,
    ("inworld", "inworld-tts-1.5-mini"): None,
    # the speech models: text in, tokens of sound out
    ("google", "gemini-3.1-flash-tts-preview"): Price(source=_GEMINI, as_of="2026-06", input=1.00, output_audio=20.00),
    ("google", "gemini-2.5-flash-preview-tts"): Price(source=_GEMINI, as_of="2025-12", input=0.50, output_audio=10.00),
    ("google", "gemini-2.5-pro-preview-tts"): Price(source=_GEMINI, as_of="2025-12", input=1.00, output_audio=20.00),
    ("google", "chirp-3-hd"): Price(source=_GOOGLE_TTS, as_of="2025-12", characters=30.0),
    ("xai", ""): Price(source=_XAI, as_of="2026-05", characters=4.20),
    # charged by tokens its answers do not count; this is the vendor's own estimate for a minute of speech
    ("openai", "gpt-4o-mini-tts"): Price(source=_OPENAI, as_of="2025-12", per_minute=0.015),
}  # fmt: skip

_POSTCALL_STT: _Rows = {
    # pre-recorded, Pay As You Go; the languages Deepgram finds out by itself cost more
    ("deepgram", "nova-3"): Price(source=_DEEPGRAM, as_of="2025-12", per_minute=0.0043),
    ("deepgram", "nova-3/multi"): Price(source=_DEEPGRAM, as_of="2025-12", per_minute=0.0052),
    ("deepgram", "nova-3-general"): Price(source=_DEEPGRAM, as_of="2025-12", per_minute=0.0043),
    ("deepgram", "nova-3-general/multi"): Price(source=_DEEPGRAM, as_of="2025-12", per_minute=0.0052),
    ("elevenlabs", "scribe_v2"): Price(source=_ELEVENLABS, as_of="2026-06", per_minute=0.22 / 60),
}  # fmt: skip

_ROWS: Mapping[PricedSection, _Rows] = {"llm": _LLM, "stt": _STT, "tts": _TTS, "postcall_stt": _POSTCALL_STT}
