"""What a call session is given: who speaks how, and the services it uses."""

from dataclasses import dataclass

from media.audio.vad import VoiceActivity
from media.calls.credit_watch import ExtendCredits
from media.calls.journal import WriteMessages
from media.calls.poller import Poller
from media.conversation.ear import EndOfTurnPredictor
from media.conversation.settings import ConversationSettings
from media.conversation.tools import ToolAsker
from media.conversation.transfers import RouteTransfer
from media.speech.interfaces import ChatMessage, ChatModel, Recogniser, Synthesiser
from media.telemetry import ReportCall
from sovereign.assistants import EffectiveAssistant
from sovereign.calls.model import CallRef, Direction
from sovereign.catalog.tools import Tool
from sovereign.kernel.clock import Clock, utc_now


@dataclass(frozen=True, kw_only=True)
class CallSetup:
    """One call: where its row lies, how its assistant converses, and how long it may last (seconds)."""

    ref: CallRef
    conversation: ConversationSettings
    tools: tuple[Tool, ...] = ()
    max_duration_seconds: float = 1800.0

    @classmethod
    def from_assistant(cls, ref: CallRef, direction: Direction, assistant: EffectiveAssistant) -> "CallSetup":
        """The setup of a pipeline call with a frozen assistant."""
        return cls(
            ref=ref,
            conversation=conversation_settings(direction, assistant),
            tools=tuple(assistant.tools),
            max_duration_seconds=float(assistant.max_duration_seconds),
        )


def conversation_settings(direction: Direction, assistant: EffectiveAssistant) -> ConversationSettings:
    """How this assistant converses in a call of this direction."""
    speech, settings = assistant.speech, assistant.settings
    consent = settings.recording_consent if direction == "inbound" else None
    recorded = settings.recording_enabled and not settings.gdpr_mode
    return ConversationSettings(
        prompt=tuple(ChatMessage(message.role, message.content) for message in assistant.llm.messages),
        disclosure=settings.ai_disclosure,
        consent=consent.message if consent and consent.enabled else None,
        recording_notice=settings.recording_notice if recorded else None,
        recording_without_notice=recorded and direction == "inbound",
        first_message=assistant.greeting(direction),
        turn_taking=assistant.turn_taking,
        silence=assistant.silence,
        pronunciation=tuple((entry.from_, entry.to) for entry in speech.pronunciation or ()),
        end_call_message=speech.end_call_message,
        end_call_phrases=tuple(speech.end_call_phrases or ()),
    )


@dataclass(frozen=True, kw_only=True)
class SessionServices:
    """What a session works with. Recogniser, model and synthesiser are configured for this call and closed with it;
    detector and poller serve the whole process. `extend_credits` None: the call is not metered. `report` is told what
    the call measured."""

    recogniser: Recogniser
    model: ChatModel
    synthesiser: Synthesiser
    detector: VoiceActivity
    poller: Poller
    asker: ToolAsker
    write_messages: WriteMessages
    route_transfer: RouteTransfer
    extend_credits: ExtendCredits | None = None
    predictor: EndOfTurnPredictor | None = None
    report: ReportCall | None = None
    clock: Clock = utc_now
