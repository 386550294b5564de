"""What the parts of a realtime conversation tell it, beside what its model says, hears and wants."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from media.speech.interfaces import ProviderError
from media.speech.speech_to_speech import SpeechEvent

if TYPE_CHECKING:
    from media.conversation.tools import ToolResult
    from media.realtime.tool_runs import ToolRun


@dataclass(frozen=True)
class ModelConnected:
    """The model can be talked to. `again`: this connection takes over from another; `renewed`: that one did not break,
    the model was to go on under other instructions. `hears_again`: it is told what the caller was saying."""

    again: bool
    renewed: bool = False
    hears_again: bool = False


@dataclass(frozen=True)
class ModelLost:
    """The connection broke, or was given up; another is being made."""


@dataclass(frozen=True)
class ModelFailed:
    """The connection broke for good."""

    error: ProviderError


@dataclass(frozen=True)
class AnswerLate:
    """The model did not begin within the time limit what it was asked to say."""


@dataclass(frozen=True)
class ToolsDone:
    """The tool calls of one turn have their results."""

    run: "ToolRun"
    results: "Sequence[ToolResult]"


RealtimeEvent = SpeechEvent | ModelConnected | ModelLost | ModelFailed | AnswerLate | ToolsDone
