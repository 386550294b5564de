"""The interface of speech-to-speech adapters. Audio is 16-bit little-endian mono PCM."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from media.speech.interfaces import ChatMessage, ProviderError, ProviderUsage, ToolCall, ToolSpec


@dataclass(frozen=True)
class SpeechOpening:
    """What a conversation with a speech-to-speech model starts from: `history` is what was said before, in order
    (roles user and assistant, and system for what nobody said), when a connection takes over from another."""

    instructions: str
    tools: Sequence[ToolSpec] = ()
    history: Sequence[ChatMessage] = ()


@dataclass(frozen=True)
class SpeechAbilities:
    """What a speech-to-speech model can be asked for. `verbatim`: to speak a given text word for word; `context`: to
    take in a text without answering it; `instructable`: to go on under other instructions and with other tools (without
    it that takes another connection)."""

    verbatim: bool
    context: bool
    instructable: bool = False


@dataclass(frozen=True)
class AgentAudio:
    """The agent's voice at the session's `sample_rate`. `item` names the stretch of speech it belongs to."""

    item: str
    pcm: bytes


@dataclass(frozen=True)
class AgentWords:
    """More of the text of what the agent says in `item`."""

    item: str
    text: str


@dataclass(frozen=True)
class AgentPaused:
    """`item` is complete: no more audio or text of it follows."""

    item: str


@dataclass(frozen=True)
class AgentTurnOver:
    """The model has answered and waits for the caller."""


@dataclass(frozen=True)
class CallerSpeaks:
    """The model hears the caller, and has given up what it was saying."""


@dataclass(frozen=True)
class CallerWords:
    """More of what the caller said in `turn`, perhaps nothing yet; the first of a turn gives its place among what is
    said. `final`: nothing of that turn follows."""

    turn: str
    text: str
    final: bool


@dataclass(frozen=True)
class CallsWanted:
    """The model waits for the results of these tool calls."""

    calls: Sequence[ToolCall]


@dataclass(frozen=True)
class CallsDropped:
    """The model no longer wants the results of these tool calls."""

    ids: Sequence[str]


SpeechEvent = (
    AgentAudio | AgentWords | AgentPaused | AgentTurnOver | CallerSpeaks | CallerWords | CallsWanted | CallsDropped
)


class SessionOverError(ProviderError):
    """The vendor ended a conversation in its ordinary course, for it had lasted its time: nothing failed."""

    def __init__(self, provider: str) -> None:
        super().__init__(provider, "ended the session", retryable=True)


class SpeechSession(Protocol):
    """One caller's connection to a speech-to-speech model. All methods but `events` raise ProviderError."""

    @property
    def sample_rate(self) -> int:
        """Hertz of the agent's audio."""

    @property
    def usage(self) -> ProviderUsage:
        """Figures so far."""

    async def feed(self, pcm: bytes) -> None:
        """Send the caller's audio, at the rate given when opened; silence too, without a gap."""

    def events(self) -> AsyncIterator[SpeechEvent]:
        """What the model says, hears and wants; ends when the session is closed. Raises ProviderError when it fails,
        SessionOverError when the vendor ends it."""

    async def respond(self) -> None:
        """Let the model speak although the caller said nothing."""

    async def speak(self, text: str, *, interruptible: bool = True) -> None:
        """Let the model say this: word for word where it can, else as it understands the request."""

    async def inform(self, text: str, *, respond: bool) -> None:
        """Tell the model something nobody said; with `respond` it speaks."""

    async def instruct(self, instructions: str, tools: Sequence[ToolSpec]) -> None:
        """Go on under these instructions, with these tools, from the next answer on; where it is `instructable`."""

    async def give_results(self, results: Sequence[tuple[ToolCall, str]], *, respond: bool = True) -> None:
        """Results of tool calls, all those of one turn together; with `respond` the model goes on with them, and so it
        does without where it cannot be kept from it."""

    async def cancel(self) -> None:
        """Give up the answer being made; nothing happens where a model cannot be told."""

    async def heard(self, item: str, milliseconds: int) -> None:
        """The caller interrupted: of this item only so much was heard. Nothing happens where a model cannot be told."""

    async def close(self) -> None:
        """Release the connection; idempotent."""


class SpeechModel(Protocol):
    """Speech to speech."""

    @property
    def abilities(self) -> SpeechAbilities:
        """What it can be asked for."""

    async def open(self, sample_rate: int, opening: SpeechOpening) -> SpeechSession:
        """Connect. Raises ProviderError (BadKeyError, QuotaError)."""
