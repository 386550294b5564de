"""The conversation of a call whose model hears and speaks by itself: every event is handled here, in order."""

from collections.abc import Callable
from typing import Any

from media.conversation import events as ev
from media.conversation.base import BaseConversation
from media.conversation.closing import LAST_PACKETS_SECONDS, Ending
from media.conversation.context import Context
from media.conversation.history import History
from media.conversation.opening import Opening
from media.conversation.opt_out import OptOut
from media.conversation.settings import ConversationSettings
from media.conversation.tools import ToolResult
from media.conversation.turn_taking import LikelyEnd, SpeechResumed, SpeechStarted
from media.conversation.utterance import Utterance
from media.realtime.caller_voice import CallerVoice
from media.realtime.events import AnswerLate, ModelConnected, ModelFailed, ModelLost
from media.realtime.exchange import Exchange
from media.realtime.link import ModelLink
from media.realtime.tool_runs import ToolRuns
from media.realtime.utterance import ModelUtterance
from media.realtime.voice import ModelVoice
from media.speech.interfaces import ProviderError, ToolCall
from media.speech.speech_to_speech import AgentAudio, AgentPaused, AgentTurnOver, AgentWords
from media.telephony.leg import LegAnswered, LegClosed, LegDigit, LegRinging
from sovereign.calls.model import EndReason

_SAID_GOODBYE = ToolResult(ToolCall("", "", {}), "", ends_call=True, goodbye="")
"""The assistant ended the call with words alone."""


class RealtimeConversation(BaseConversation):
    """Carries the model's speech to the caller, lets it be interrupted, runs its tools, asks the silent, and decides
    when the call ends."""

    def __init__(
        self, settings: ConversationSettings, end: Callable[[Ending], None], opt_out: OptOut | None = None
    ) -> None:
        super().__init__(settings, end, opt_out)
        self._ends_after: ToolResult | None = None
        self._after_opening: list[str] = []

    def attach(
        self,
        *,
        link: ModelLink,
        voice: ModelVoice,
        caller: CallerVoice,
        tools: ToolRuns,
        history: History,
        context: Context,
    ) -> None:
        """Give the conversation its parts (which need `post`, so they are made after it)."""
        self._history, self._voice = history, voice
        self._exchange = Exchange(
            self, link=link, voice=voice, caller=caller, tools=tools, history=history, context=context
        )
        self.opening = Opening(self._settings, context.clearance, self)
        self._handlers = self._event_table()

    def _event_table(self) -> dict[type, Callable[[Any], None]]:
        return {
            **self._exchange.handlers,
            ModelFailed: lambda event: self.fail(event.error),
            SpeechStarted: lambda _: None,
            SpeechResumed: lambda _: None,
            LikelyEnd: lambda _: None,
            ev.UtteranceDone: self._on_utterance_done,
            ev.SilenceDue: self._on_silence,
            ev.DigitsEntered: self._on_digits,
            ev.FloorWanted: lambda _: None,
            ev.Due: lambda event: event.act(),
            ev.BeepHeard: lambda _: None,
            ev.BeepEnded: lambda _: None,
            LegDigit: self._on_digit,
            LegClosed: self._on_leg_closed,
            LegRinging: lambda _: None,
            LegAnswered: lambda _: None,
        }

    # the loop

    async def run(self) -> None:
        """Open the conversation and handle events until cancelled."""
        self.opening.begin()
        while True:
            event = await self._events.get()
            self.opening.observe(event)
            if self._takes(event):
                self._handlers[type(event)](event)
            self._settle()

    def _takes(self, event: ev.ConversationEvent) -> bool:
        """Whether this still matters: a call that ends says its last words, and notices that they were said."""
        if not self._closing.decided:
            return True
        speaking = AgentAudio | AgentWords | AgentPaused | AgentTurnOver | ev.UtteranceDone | ev.UtteranceStarted
        return isinstance(event, speaking | LegClosed | ev.Due | ModelConnected | ModelLost | ModelFailed | AnswerLate)

    def _settle(self) -> None:
        """After every event: ask the model what waits for it, and tell the parts who has the floor."""
        while self.opening.over and self._after_opening:
            self._exchange.requests.inform(self._after_opening.pop(0))
        self._exchange.settle()
        if self._closing.decided:
            return
        if not self._exchange.floor.caller_in_turn:
            self.opening.answerer_paused()
        if self._ends_after is not None and self._exchange.floor.quiet:
            last, self._ends_after = self._ends_after, None
            goodbye = self._settings.end_call_message if last.goodbye is None else last.goodbye
            self.later(LAST_PACKETS_SECONDS, lambda: self.close(Ending(last.end_reason), goodbye))
        elif self._silence:
            self._silence.follow(agent_busy=not self._exchange.floor.quiet, idle=self._idle)

    @property
    def muted(self) -> bool:
        """Whether the model may not hear the caller: what it says must not be interrupted, or is its last."""
        # an answerer who is to speak first would be answered by the model
        waits = self.opening.lets_speak_first
        return self._closing.decided or self._transferring or self._exchange.floor.protected or waits

    @property
    def _idle(self) -> bool:
        # without a connection it is the model's silence
        free = self._exchange.connection.up and not (self._transferring or self.keypad.entering)
        return self.opening.over and self._exchange.floor.idle and free

    # what the exchange tells

    def caller_spoke(self, text: str) -> None:
        """The caller said something; `text` is more of it, as far as it is known."""
        self._caller_spoke()
        if text:
            # the watch for answering machines knows words as a recogniser tells them
            self.opening.observe(ev.UtteranceRecognised(text))

    def caller_said(self, text: str) -> None:
        """All of a turn: who never wants to be called again is let go."""
        if self._opt_out and (confirmation := self._opt_out.asked(text)) is not None:
            self.close(Ending(EndReason.OPT_OUT), confirmation)

    def caller_answered(self) -> None:
        """The model answers the caller."""
        self.opening.voicemail.answered()

    def agent_finished(self, text: str) -> None:
        """The model's turn is over: all it said."""
        if not self._closing.decided and self._is_goodbye(text):
            self._ends_after = self._ends_after or _SAID_GOODBYE

    def wants_end(self, result: ToolResult) -> None:
        """The model hung up: the call ends when it has said what it is saying."""
        self._ends_after = self._ends_after or result

    def interrupted(self) -> None:
        """The caller interrupted what was being said: a goodbye so interrupted does not end the call."""
        if self._ends_after is not None:
            self._ends_after = None
            # it may have hung up as well, after a goodbye in words
            self._exchange.tool_turns.not_ended()

    def node_entered(self) -> None:
        """The call is in another node of its workflow, whose instructions and tools are in place."""
        self._exchange.tool_turns.node_entered()

    # the keypad

    @property
    def keys_in_audio(self) -> bool:
        """Whether the caller's keys are to be looked for in the sound: until the line itself tells of one."""
        return self.keypad.found_in_audio and not self._closing.decided

    @property
    def awaits_beep(self) -> bool:
        """Whether a beep would mean something."""
        return self.opening.voicemail.listening

    def _on_digits(self, event: ev.DigitsEntered) -> None:
        self._exchange.caller.take_floor()
        self._history.add_caller(f"[keypad] {event.digits}")
        self._exchange.requests.inform(f"The caller pressed these keys of the telephone: {event.digits}")

    # what was said

    def _on_utterance_done(self, event: ev.UtteranceDone) -> None:
        utterance = event.utterance
        if isinstance(utterance, ModelUtterance):
            self._voice.done(utterance)
        self._history.settle()
        self._after(utterance)

    def _on_leg_closed(self, event: LegClosed) -> None:
        self._exchange.caller.left()
        self._closing.leg_closed(event, may_leave=self._peer_may_leave)

    # what others ask for

    def say(self, text: str, *, interruptible: bool = True, then_end: bool = False) -> ModelUtterance:
        """Have the model say this after what it is saying; with `then_end` the call ends afterwards."""
        line = ModelUtterance(self._voice.sample_rate, interruptible=interruptible and not then_end, asked=text)
        if then_end:
            self._says_then_ends = line
        self._exchange.requests.say(line)
        self.post(ev.FloorWanted())
        return line

    def stop(self, utterance: Utterance) -> None:
        """Give up something that is said or waits to be."""
        self._voice.stop(utterance)

    def greet(self) -> None:
        """Have the model speak the first message, or open when there is none (empty: the caller begins)."""
        if self._settings.first_message:
            self.say(self._settings.first_message)
        elif self._settings.first_message is None:
            self._exchange.requests.respond()
            self.post(ev.FloorWanted())

    def note(self, text: str, *, respond: bool) -> None:
        """Tell the model something; with `respond` it speaks as soon as it is free."""
        self._history.add_note(text)
        if respond and not self.opening.over:
            # nobody talks with the caller before what has to be said first
            self._after_opening.append(text)
        elif respond:
            self._exchange.requests.inform(text)
        else:
            self._exchange.requests.tell(text)
        self.post(ev.FloorWanted())

    @property
    def _has_voice(self) -> bool:
        return self._exchange.connection.has_voice

    def _fall_silent(self) -> None:
        self._exchange.floor.fall_silent()

    def fail(self, error: ProviderError) -> None:
        """The model is gone for good, and with it the voice to apologise with."""
        self._exchange.connection.failed()
        super().fail(error)
