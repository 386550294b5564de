"""The parts of a call whose model hears and speaks by itself."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from media.calls.parts import CallParts, ConversationUsage
from media.calls.setup import CallFrame, CommonServices
from media.conversation.caller_audio import CallerAudio
from media.conversation.clearance import Clearance
from media.conversation.context import Context
from media.conversation.playout import Playout
from media.conversation.tools import ToolBox
from media.conversation.transfers import Transfers
from media.realtime.caller_voice import CallerVoice
from media.realtime.engine import RealtimeConversation
from media.realtime.link import ModelLink
from media.realtime.tool_runs import ToolRuns
from media.realtime.voice import ModelVoice
from media.speech.interfaces import ProviderUsage
from media.speech.priced import priced
from media.speech.speech_to_speech import SpeechAbilities, SpeechModel, SpeechOpening
from sovereign.catalog.prices import Price

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
        self.link.feed(bytes(len(pcm)) if self.conversation.muted else pcm)


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
        self.context.figures.add_model_usage(priced(self.link.usage, self.price))

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
    prompt = setup.conversation.prompt
    conversation = RealtimeConversation(setup.conversation, frame.end, services.opt_out)
    context = Context(frame.tasks, frame.figures, conversation.post)
    playout = Playout(leg, context)
    transfers = Transfers(leg, conversation, playout, services.route_transfer, services.dial_second_leg)
    tools = ToolRuns(
        ToolBox(setup.tools, services.asker, transfers, services.mcp_tools), context, model.abilities.verbatim
    )

    def opening() -> SpeechOpening:
        said = [message for message in frame.history.messages() if message.role in ("user", "assistant")]
        return SpeechOpening(
            instructions="\n\n".join(message.content for message in prompt if message.role == "system"),
            tools=tools.box.specs,
            history=[message for message in said if message.content],
        )

    link = ModelLink(model, leg.sample_rate, opening, context)
    caller = CallerVoice(leg.sample_rate, services.detector, conversation.post)
    voice = ModelVoice(playout, frame.history, leg.sample_rate)
    conversation.attach(link=link, voice=voice, caller=caller, tools=tools, history=frame.history, context=context)
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
