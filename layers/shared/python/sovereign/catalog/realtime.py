"""Speech-to-speech models: they hear and speak by themselves, so an assistant with one has no recogniser or voice."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from sovereign.catalog.base import Kind, Strict
from sovereign.catalog.llm import CompletionTokens, LlmConfig
from sovereign.catalog.voices import GeminiVoice, OpenAiLiveVoice, XaiVoice

_TURN_DETECTION_BOUNDS: Mapping[str, tuple[float, float]] = {
    "threshold": (0, 1),
    "prefix_padding_ms": (0, 2000),
    "silence_duration_ms": (100, 2000),
    "idle_timeout_ms": (0, 30000),
}


class RealtimeConfig(LlmConfig):
    """What every speech-to-speech model takes."""

    kind: ClassVar[Kind] = "realtime"


class GoogleRealtime(RealtimeConfig):
    """Gemini Live. `vertexai` and `location` choose Vertex AI where the model is offered on both."""

    provider: Literal["google_realtime"]
    model: Literal[
        "gemini-live-2.5-flash-native-audio",
        "gemini-2.5-flash-native-audio-preview-12-2025",
        "gemini-3.1-flash-live-preview",
        "gemini-3.8-live",
    ]
    voice: GeminiVoice = "Puck"
    max_output_tokens: CompletionTokens | None = None
    vertexai: bool = False
    location: str | None = None

    @property
    def secret_slots(self) -> tuple[str, ...]:
        """Vertex AI for the generally available model, the Gemini API's key for the others."""
        return ("google_vertex",) if self.model == "gemini-live-2.5-flash-native-audio" else ("google",)


def _clamp_turn_detection(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {name: _clamp(member, _TURN_DETECTION_BOUNDS.get(name)) for name, member in value.items()}


def _clamp(value: Any, bounds: tuple[float, float] | None) -> Any:
    if bounds is None or isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return min(max(value, bounds[0]), bounds[1])


class XaiTurnDetection(Strict):
    """The server's turn detection; values out of range are moved to the nearest bound. 0 ms idle = off."""

    threshold: float = Field(default=0.5, ge=0, le=1)
    prefix_padding_ms: int = Field(default=300, ge=0, le=2000)
    silence_duration_ms: int = Field(default=200, ge=100, le=2000)
    idle_timeout_ms: int | None = Field(default=None, ge=0, le=30000)


class XaiTranscription(Strict):
    """Hints for the transcript of what the caller says."""

    language_hint: str | None = None
    keyterms: Annotated[list[Annotated[str, Field(max_length=50)]], Field(max_length=100)] | None = None


class XaiWebSearch(Strict):
    """xAI's own web search."""

    type: Literal["web_search"]


class XaiPostSearch(Strict):
    """xAI's search of posts, of all authors or of up to 20."""

    type: Literal["x_search"]
    allowed_x_handles: Annotated[list[str], Field(max_length=20)] | None = None


class XaiFileSearch(Strict):
    """xAI's search of the account's own file stores."""

    type: Literal["file_search"]
    vector_store_ids: Annotated[list[str], Field(min_length=1)]
    max_num_results: Annotated[int, Field(ge=1, le=50)] | None = None


_PROVIDER_TOOLS: dict[str, type[XaiWebSearch | XaiPostSearch | XaiFileSearch]] = {
    "web_search": XaiWebSearch,
    "x_search": XaiPostSearch,
    "file_search": XaiFileSearch,
}


def _read_provider_tool(value: Any) -> Any:
    kind = value.get("type") if isinstance(value, Mapping) else None
    model = _PROVIDER_TOOLS.get(kind) if isinstance(kind, str) else None
    if model is None and isinstance(value, Mapping):
        raise ValueError(f"type must be one of {', '.join(_PROVIDER_TOOLS)}")
    return model.model_validate(value) if model else value


XaiProviderTool = Annotated[XaiWebSearch | XaiPostSearch | XaiFileSearch, BeforeValidator(_read_provider_tool)]


class XaiRealtime(RealtimeConfig):
    """Grok's voice model."""

    provider: Literal["xai_realtime"]
    model: Literal["grok-voice-think-fast-2.0"]
    voice: XaiVoice = "ara"
    turn_detection: Annotated[XaiTurnDetection, BeforeValidator(_clamp_turn_detection)] | None = None
    reasoning_effort: Literal["none", "high"] | None = None
    speed: float = Field(default=1, ge=0.7, le=1.5)
    transcription: XaiTranscription | None = None
    provider_tools: list[XaiProviderTool] | None = None

    @property
    def secret_slots(self) -> tuple[str, ...]:
        """xAI's key."""
        return ("xai",)


class OpenAiDelegation(Strict):
    """The text model to which the voice model hands harder questions."""

    model: Literal["gpt-5.6-luna"] = "gpt-5.6-luna"
    instructions: str | None = None


class OpenAiLive(RealtimeConfig):
    """OpenAI's voice model."""

    provider: Literal["openai_live"]
    model: Literal["gpt-live-1"]
    voice: OpenAiLiveVoice = "marin"
    delegation: OpenAiDelegation | None = None

    @property
    def secret_slots(self) -> tuple[str, ...]:
        """OpenAI's key."""
        return ("openai",)
