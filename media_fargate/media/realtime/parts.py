"""The parts of a call whose model hears and speaks by itself."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from media.calls.parts import CallParts, ConversationUsage
from media.calls.setup import CallFrame, CommonServices
from media.calls.workflow import follow
from media.conversation.caller_audio import CallerAudio
from media.conversation.clearance import Clearance
from media.conversation.context import Context
from media.conversation.history import History
from media.conversation.playout import Playout
from media.conversation.tools import ToolBox
from media.conversation.transfers import Transfers
from media.realtime.caller_voice import CallerVoice
from media.realtime.engine import RealtimeConversation
from media.realtime.link import ModelLink
from media.realtime.tool_runs import ToolRuns
from media.realtime.voice import ModelVoice
from media.speech.interfaces import ChatMessage, ProviderUsage, ToolSpec
from media.speech.priced import priced
from media.speech.speech_to_speech import SpeechAbilities, SpeechModel, SpeechOpening
from sovereign.catalog.prices import Price
from sovereign.catalog.tools import Tool

_NOTHING = ProviderUsage(cost_usd=0.0)


@dataclass(frozen=True, kw_only=True)
class RealtimeServices(CommonServices):
    """What a realtime session works with. The model is configured for this call; `price` None: it is not known."""

    model: SpeechModel
    price: Price | None = None

    def assemble(self, frame: CallFrame) -> CallParts:
        """The parts of a realtime call."""
        return assemble(frame, self)

    def closing(self) -> Sequence[Coroutine[Any, Any, None]]:
        """Nothing: the model's connection ends with the call's tasks."""
        return ()


@dataclass(frozen=True)
class _Ear:
    """The caller's voice goes to the model and to what judges it beside."""

    caller: CallerVoice
    link: ModelLink
    conversation: RealtimeConversation

    def hear(self, pcm: bytes, arrived: float) -> None:
        """Take audio whose last sample arrived at `arrived`."""
        self.caller.hear(pcm, arrived)
        if self.conversation.muted:
            self.link.feed(bytes(len(pcm)))
        else:
            self.link.feed(pcm, speaking=self.caller.turns.in_turn)


@dataclass(frozen=True)
class RealtimeParts:
    """What exists while a realtime call runs (`media.calls.parts.CallParts`)."""

    tasks: asyncio.TaskGroup
    conversation: RealtimeConversation
    transfers: Transfers
    caller: CallerVoice
    playout: Playout
    link: ModelLink
    abilities: SpeechAbilities
    context: Context
    price: Price | None
    caller_audio: CallerAudio

    @property
    def clearance(self) -> Clearance:
        """What may be done with the caller's audio by now."""
        return self.context.clearance

    @property
    def usage(self) -> ConversationUsage:
        """A model that hears and speaks by itself needs neither."""
        return ConversationUsage(stt=_NOTHING, tts=_NOTHING)

    def work(self) -> Sequence[Coroutine[Any, Any, None]]:
        """The conversation and its model's connection."""
        return self.conversation.run(), self.link.run()

    def poll(self, pcm: bytes, now: float) -> None:
        """Hear what the line brought, and play."""
        if pcm:
            self.playout.echo.arrived(pcm, now)
            self.caller_audio.hear(pcm, now)
            if not self.context.clearance.listening.is_set():
                # the model expects sound without a gap: what it may not hear is silence to it
                self.link.feed(bytes(len(pcm)))
        self.playout.pump()

    def stop(self) -> None:
        """Listen to nothing more, fall silent, and count what the model was used for."""
        self.caller.close()
        self.playout.stop_all()
        unknown = self.price is not None and self.price.by_tokens and self.link.lacks_figures
        self.context.figures.add_model_usage(priced(self.link.usage, None if unknown else self.price))

    def refusal(self, command: Mapping[str, Any], /) -> str | None:
        """What this model cannot be asked for, it is not asked for."""
        kind = command.get("type")
        if kind == "say" and not self.abilities.verbatim:
            return "this realtime model cannot be made to say a given text"
        if kind == "inject-context" and not (self.abilities.context or command.get("trigger_response")):
            return "this realtime model takes no context without answering it; set trigger_response"
        return None


def assemble(frame: CallFrame, services: RealtimeServices) -> RealtimeParts:
    """Put a realtime call together; nothing runs yet."""
    setup, leg, model = frame.setup, frame.leg, services.model
    conversation = RealtimeConversation(setup.conversation, frame.end, services.opt_out)
    context = Context(frame.tasks, frame.figures, conversation.post)
    history = frame.history
    playout = Playout(leg, context)
    transfers = Transfers(leg, conversation, playout, services.route_transfer, services.dial_second_leg)

    def make_tools(offered: Sequence[Tool]) -> ToolBox:
        return ToolBox(offered, services.asker, transfers, services.mcp_tools)

    tools = ToolRuns(make_tools(setup.tools), context, model.abilities.verbatim)

    link = ModelLink(model, leg.sample_rate, lambda: _opening(history, tools.box.specs), context)
    caller = CallerVoice(leg.sample_rate, services.detector, conversation.post, playout.echo.is_echo)
    voice = ModelVoice(playout, history, leg.sample_rate)
    conversation.attach(link=link, voice=voice, caller=caller, tools=tools, history=history, context=context)
    if setup.workflow:

        def instruct(node_prompt: Sequence[ChatMessage]) -> None:
            history.instruct(node_prompt)
            conversation.node_entered()

        tools.box = follow(
            setup.workflow, say=conversation.say, instruct=instruct, actions=transfers, make_tools=make_tools
        )
    audio = CallerAudio(
        leg.sample_rate,
        _Ear(caller, link, conversation),
        context,
        keys_in_audio=lambda: conversation.keys_in_audio,
        beeps_wanted=lambda: conversation.awaits_beep,
    )
    return RealtimeParts(
        tasks=frame.tasks,
        conversation=conversation,
        transfers=transfers,
        caller=caller,
        playout=playout,
        link=link,
        abilities=model.abilities,
        context=context,
        price=services.price,
        caller_audio=audio,
    )


def _opening(history: History, tools: Sequence[ToolSpec]) -> SpeechOpening:
    """What a connection starts from at this moment."""
    instructions = [message.content for message in history.prompt if message.role == "system"]
    begun = [message for message in history.prompt if message.role in ("user", "assistant")]
    said = [message for message in history.said() if message.role in ("user", "assistant", "system")]
    return SpeechOpening(
        instructions="\n\n".join(instructions),
        tools=tools,
        history=[message for message in [*begun, *said] if message.content],
    )
