"""What a call session is given: who speaks how, and the services it uses."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from media.audio.vad import VoiceActivity
from media.calls.bridge import MarkTransferred
from media.calls.credit_watch import ExtendCredits
from media.calls.journal import WriteMessages
from media.calls.mcp_tools import McpTools
from media.calls.parts import CallParts
from media.calls.poller import Poller
from media.calls.workflow import WorkflowPlan
from media.conversation.closing import Ending
from media.conversation.ear import EndOfTurnPredictor
from media.conversation.figures import CallFigures
from media.conversation.history import History
from media.conversation.opt_out import OptOut
from media.conversation.second_leg import DialSecondLeg
from media.conversation.settings import ConversationSettings
from media.conversation.tools import ToolAsker
from media.conversation.transfers import RouteTransfer
from media.conversation.workflow.providers import NodeProviders
from media.speech.interfaces import ChatMessage, ChatModel, Recogniser, Synthesiser
from media.telemetry import ReportCall
from media.telephony.leg import CallLeg
from sovereign.assistants import EffectiveAssistant
from sovereign.calls.model import CallRef, Direction
from sovereign.catalog.tools import Tool
from sovereign.kernel.clock import Clock, utc_now


@dataclass(frozen=True, kw_only=True)
class CallSetup:
    """One call: where its row lies, how its assistant converses, and how long it may last (seconds).

    With a `workflow` the prompt and the tools are those of its nodes.
    """

    ref: CallRef
    conversation: ConversationSettings
    tools: tuple[Tool, ...] = ()
    max_duration_seconds: float = 1800.0
    workflow: WorkflowPlan | None = None

    @property
    def all_tools(self) -> Sequence[Tool]:
        """What may be used in the call, of whichever node."""
        return self.workflow.tools if self.workflow else self.tools

    @classmethod
    def from_assistant(
        cls, ref: CallRef, direction: Direction, assistant: EffectiveAssistant, workflow: WorkflowPlan | None = None
    ) -> "CallSetup":
        """The setup of a call with a frozen assistant; the workflow's first line is its greeting."""
        conversation = conversation_settings(direction, assistant)
        if workflow and workflow.start.first_line is not None:
            conversation = replace(conversation, first_message=workflow.start.first_line)
        return cls(
            ref=ref,
            conversation=conversation,
            tools=() if workflow else tuple(assistant.tools),
            max_duration_seconds=float(assistant.max_duration_seconds),
            workflow=workflow,
        )


def conversation_settings(direction: Direction, assistant: EffectiveAssistant) -> ConversationSettings:
    """How this assistant converses in a call of this direction."""
    speech, settings = assistant.speech, assistant.settings
    consent = settings.recording_consent if direction == "inbound" else None
    recorded = settings.recording_enabled and not settings.gdpr_mode
    return ConversationSettings(
        prompt=tuple(ChatMessage(message.role, message.content) for message in assistant.llm.messages),
        disclosure=settings.ai_disclosure,
        voicemail_detection=direction == "outbound" and bool(settings.voicemail_detection),
        voicemail_message=settings.voicemail_message,
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
class CallFrame:
    """What a conversation is put into: an answered leg, and tasks that end with the call. `end` ends the call."""

    setup: CallSetup
    leg: CallLeg
    tasks: asyncio.TaskGroup
    figures: CallFigures
    history: History
    end: Callable[[Ending], None]


@dataclass(frozen=True, kw_only=True)
class CommonServices(ABC):
    """What every session works with; detector and poller serve the whole process. `extend_credits` None: the call is
    not metered. `report` is told what the call measured. `figures` count from the opening of the providers on.
    `opt_out` None: nobody can opt out of this call. `own_keys` are the services that run on the organization's keys."""

    detector: VoiceActivity
    poller: Poller
    asker: ToolAsker
    write_messages: WriteMessages
    route_transfer: RouteTransfer
    dial_second_leg: DialSecondLeg
    mark_transferred: MarkTransferred
    mcp_tools: McpTools | None = None
    extend_credits: ExtendCredits | None = None
    report: ReportCall | None = None
    figures: CallFigures = field(default_factory=CallFigures)
    opt_out: OptOut | None = None
    own_keys: set[str] = field(default_factory=set)
    clock: Clock = utc_now

    @abstractmethod
    def assemble(self, frame: CallFrame) -> CallParts:
        """The parts of a conversation with these providers; nothing runs yet."""

    @abstractmethod
    def closing(self) -> Sequence[Coroutine[Any, Any, None]]:
        """What lets go of the call's own providers."""


@dataclass(frozen=True, kw_only=True)
class SessionServices(CommonServices):
    """What a pipeline session works with. Recogniser, model and synthesiser are configured for this call and closed
    with it. `node_providers` (with a workflow) changes them on the way."""

    recogniser: Recogniser
    model: ChatModel
    synthesiser: Synthesiser
    predictor: EndOfTurnPredictor | None = None
    node_providers: NodeProviders | None = None

    def assemble(self, frame: CallFrame) -> CallParts:
        """The parts of a pipeline call."""
        from media.calls.pipeline import assemble  # noqa: PLC0415 - it needs the types above

        return assemble(frame, self)

    def closing(self) -> Sequence[Coroutine[Any, Any, None]]:
        """The model's and the synthesiser's connections; the recogniser's stream ends with the call's tasks."""
        return self.model.close(), self.synthesiser.close()
