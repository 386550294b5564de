"""What the parts of a conversation tell each other. Every event is handled by `Conversation`, one after another."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from media.conversation.turn_taking import TurnEvent
from media.realtime.events import RealtimeEvent
from media.speech.interfaces import ProviderError
from media.telephony.leg import LegEvent

if TYPE_CHECKING:
    from media.conversation.reply import Reply
    from media.conversation.utterance import Utterance


@dataclass(frozen=True)
class WordsKnown:
    """The recogniser's view of the words of the running utterance (interim, may change)."""

    text: str


@dataclass(frozen=True)
class UtteranceRecognised:
    """The recogniser's final text of the speech up to a likely end; may be empty."""

    text: str


@dataclass(frozen=True)
class UtteranceStarted:
    """The first audio of an utterance was written to the leg at `at`."""

    utterance: "Utterance"
    at: float


@dataclass(frozen=True)
class UtteranceDone:
    """An utterance was played to its end, or stopped."""

    utterance: "Utterance"


@dataclass(frozen=True)
class ReplyDone:
    """A reply has nothing more to do: it was generated and spoken, failed (`error`), or stopped."""

    reply: "Reply"
    error: ProviderError | None = None


@dataclass(frozen=True)
class SilenceDue:
    """The caller has been silent for as long as the policy allows."""


@dataclass(frozen=True)
class FloorWanted:
    """Something waits for the moment at which nobody speaks."""


@dataclass(frozen=True)
class DigitsEntered:
    """The caller pressed these keys, then waited or pressed `#`."""

    digits: str


@dataclass(frozen=True)
class BeepHeard:
    """A steady tone of `hertz` has been on the line for long enough to be a machine's."""

    hertz: float


@dataclass(frozen=True)
class BeepEnded:
    """The tone is over."""


@dataclass(frozen=True)
class Due:
    """The time for something has come; `act` is run in order with the events."""

    act: Callable[[], None]


@dataclass(frozen=True)
class RecogniserFailed:
    """The recogniser failed again right after it was reopened."""

    error: ProviderError


@dataclass(frozen=True)
class SpeakingFailed:
    """The synthesiser failed twice; the utterance was given up."""

    utterance: "Utterance"
    error: ProviderError


ConversationEvent = (
    TurnEvent
    | WordsKnown
    | UtteranceRecognised
    | UtteranceStarted
    | UtteranceDone
    | ReplyDone
    | SilenceDue
    | FloorWanted
    | DigitsEntered
    | BeepHeard
    | BeepEnded
    | Due
    | RecogniserFailed
    | SpeakingFailed
    | LegEvent
    | RealtimeEvent
)
