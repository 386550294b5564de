"""The parts of a call whose model writes: it hears through a recogniser and speaks through a synthesiser."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from media.calls.parts import ConversationUsage
from media.calls.setup import CallFrame, SessionServices
from media.calls.workflow import follow
from media.conversation.caller_audio import CallerAudio
from media.conversation.clearance import Clearance
from media.conversation.context import Context
from media.conversation.ear import Ear
from media.conversation.engine import Conversation
from media.conversation.recognition import Recognition
from media.conversation.reply import Responder
from media.conversation.sentences import Pronunciation
from media.conversation.speaker import Speaker
from media.conversation.tools import ReplyTools, ToolBox
from media.conversation.transfers import Transfers
from media.conversation.turn_taking import TurnTaker
from media.speech.interfaces import Synthesiser
from sovereign.catalog.tools import Tool


@dataclass(frozen=True)
class PipelineParts:
    """What exists while a pipeline call runs (`media.calls.parts.CallParts`)."""

    tasks: asyncio.TaskGroup
    conversation: Conversation
    transfers: Transfers
    ear: Ear
    speaker: Speaker
    recognition: Recognition
    synthesiser: Synthesiser
    clearance: Clearance
    caller_audio: CallerAudio

    @property
    def usage(self) -> ConversationUsage:
        """Figures so far."""
        return ConversationUsage(stt=self.recognition.usage, tts=self.synthesiser.usage)

    def work(self) -> Sequence[Coroutine[Any, Any, None]]:
        """The conversation and its recogniser's stream."""
        return self.conversation.run(), self._recognise()

    def poll(self, pcm: bytes, now: float) -> None:
        """Hear what the line brought, and play."""
        if pcm:
            self.speaker.echo.arrived(pcm, now)
            self.caller_audio.hear(pcm, now)
        self.speaker.pump()

    def stop(self) -> None:
        """Listen to nothing more, and fall silent."""
        self.ear.close()
        self.speaker.stop_all()

    def refusal(self, _command: Mapping[str, Any], /) -> str | None:
        """A pipeline carries out every command."""
        return None

    async def _recognise(self) -> None:
        """Run the recogniser from the moment at which the caller may be heard."""
        await self.clearance.listening.wait()
        await self.recognition.run()


def assemble(frame: CallFrame, services: SessionServices) -> PipelineParts:
    """Put a pipeline call together; nothing runs yet."""
    setup, leg = frame.setup, frame.leg
    conversation = Conversation(setup.conversation, frame.end, services.opt_out)
    context = Context(frame.tasks, frame.figures, conversation.post)
    speaker = Speaker(leg, services.synthesiser, Pronunciation(setup.conversation.pronunciation), context)
    transfers = Transfers(leg, conversation, speaker, services.route_transfer, services.dial_second_leg)
    recognition = Recognition(services.recogniser, leg.sample_rate, context)

    def make_tools(offered: Sequence[Tool]) -> ToolBox:
        return ToolBox(offered, services.asker, transfers, services.mcp_tools)

    tools: ReplyTools = make_tools(setup.tools)
    if setup.workflow and (providers := services.node_providers):
        providers.attach(speaker, recognition, frame.figures)
        tools = follow(
            setup.workflow,
            say=conversation.say,
            instruct=frame.history.instruct,
            actions=transfers,
            make_tools=make_tools,
            use_providers=providers.use,
        )
    turns = TurnTaker(setup.conversation.turn_taking, speaker.echo.is_echo)
    ear = Ear(leg.sample_rate, turns, services.detector, recognition, context, predictor=services.predictor)
    responder = Responder(services.model, speaker, tools, frame.history, context)
    conversation.attach(ear, speaker, responder, frame.history, context)
    audio = CallerAudio(
        leg.sample_rate,
        ear,
        context,
        keys_in_audio=lambda: conversation.keypad.found_in_audio,
        beeps_wanted=lambda: conversation.opening.voicemail.listening,
    )
    return PipelineParts(
        frame.tasks, conversation, transfers, ear, speaker, recognition, services.synthesiser, context.clearance, audio
    )
