"""The interfaces every provider adapter implements. Audio is 16-bit little-endian mono PCM."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol


class ProviderError(Exception):
    """A provider failed. `retryable` tells whether the same request may work at once; the message holds no secret."""

    def __init__(self, provider: str, message: str, *, retryable: bool, status: int | None = None) -> None:
        super().__init__(f"{provider}: {message}")
        self.provider = provider
        self.retryable = retryable
        self.status = status


class BadKeyError(ProviderError):
    """The provider refused the key."""


class QuotaError(ProviderError):
    """The provider refused for quota or rate."""


class ToolsUnavailableError(ProviderError):
    """A server whose tools the call cannot do without cannot be reached: the call is not to be held."""


@dataclass(frozen=True)
class ProviderUsage:
    """What was used: only the members that apply are set. `cost_usd` is None when the price is unknown.

    Cached and audio tokens are part of the input and output tokens. Adapters of vendors leave the cost to
    `speech.priced`.
    """

    audio_seconds: float = 0.0
    characters: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0
    cost_usd: float | None = None

    def __add__(self, other: "ProviderUsage") -> "ProviderUsage":
        """The sum; its price is unknown when either is."""
        known = self.cost_usd is not None and other.cost_usd is not None
        return ProviderUsage(
            audio_seconds=self.audio_seconds + other.audio_seconds,
            characters=self.characters + other.characters,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_input_tokens=self.cached_input_tokens + other.cached_input_tokens,
            input_audio_tokens=self.input_audio_tokens + other.input_audio_tokens,
            output_audio_tokens=self.output_audio_tokens + other.output_audio_tokens,
            cost_usd=(self.cost_usd or 0.0) + (other.cost_usd or 0.0) if known else None,
        )


NOTHING_USED = ProviderUsage(cost_usd=0.0)


@dataclass(frozen=True)
class Transcript:
    """Text of what was said since the last final one. `final` means the recogniser will not change it."""

    text: str
    final: bool
    confidence: float | None = None


class RecognitionSession(Protocol):
    """One caller's stream to a recogniser, open for the whole call."""

    async def feed(self, pcm: bytes) -> None:
        """Send audio at the rate given when opened; returns without waiting for text."""

    async def finalise(self) -> str:
        """The end of an utterance: return its text (may be empty) as soon as it is known and start a new one.

        Called speculatively on a likely end of turn; audio fed afterwards belongs to the next utterance.
        """

    def transcripts(self) -> AsyncIterator[Transcript]:
        """Interim and final text as it comes; ends when the session is closed. Raises ProviderError when it fails."""

    @property
    def usage(self) -> ProviderUsage:
        """Figures so far."""

    async def close(self) -> None:
        """Release the stream; idempotent."""


class Recogniser(Protocol):
    """Speech to text."""

    async def open(self, sample_rate: int) -> RecognitionSession:
        """Connect. Raises ProviderError (BadKeyError, QuotaError)."""


@dataclass(frozen=True)
class ToolCall:
    """The model wants a tool run. `arguments` is the parsed JSON object."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class ChatMessage:
    """One entry of the conversation as the model sees it."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: Sequence[ToolCall] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True)
class ToolSpec:
    """A tool offered to the model; `parameters` is a JSON Schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})


@dataclass(frozen=True)
class TextDelta:
    """More text of the answer."""

    text: str


@dataclass(frozen=True)
class Progress:
    """More of what is not to be heard, or comes whole later: a tool call, a thought. The model is not silent."""


@dataclass(frozen=True)
class ChatFinished:
    """The answer is complete."""

    usage: ProviderUsage


ChatEvent = TextDelta | ToolCall | Progress | ChatFinished


class ChatModel(Protocol):
    """A text model. Cancelling the iteration cancels the request."""

    def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncIterator[ChatEvent]:
        """Stream one answer. Raises ProviderError."""

    async def close(self) -> None:
        """Release connections; idempotent."""


class Synthesiser(Protocol):
    """Text to speech. Cancelling the iteration cancels the request."""

    @property
    def sample_rate(self) -> int:
        """Hertz of what `stream` yields."""

    def stream(self, text: str) -> AsyncIterator[bytes]:
        """Speak one sentence; yields PCM as it comes. Raises ProviderError."""

    @property
    def usage(self) -> ProviderUsage:
        """Figures so far."""

    async def close(self) -> None:
        """Release connections; idempotent."""
