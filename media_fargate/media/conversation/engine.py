"""The conversation of one call: every event of its parts is handled here, one after another, without waiting."""

from collections.abc import Callable
from typing import Any

from media.conversation import events as ev
from media.conversation.base import BaseConversation
from media.conversation.caller_turns import CallerTurn, CallerTurns
from media.conversation.closing import Ending
from media.conversation.context import Context
from media.conversation.ear import Ear
from media.conversation.figures import TurnClock
from media.conversation.floor import Floor
from media.conversation.history import History
from media.conversation.opening import Opening
from media.conversation.opt_out import OptOut
from media.conversation.reply import Responder
from media.conversation.sentences import split_sentences
from media.conversation.settings import ConversationSettings
from media.conversation.speaker import Speaker
from media.conversation.turn_taking import (
    FalseInterruption,
    Interrupted,
    LikelyEnd,
    SpeechResumed,
    SpeechStarted,
    TurnEnded,
)
from media.conversation.utterance import Utterance
from media.telephony.leg import LegAnswered, LegClosed, LegDigit, LegRinging
from sovereign.calls.model import EndReason

_NOTHING_SAID = "What seemed to be an interruption was none: nothing was said. Go on where you were stopped."


class Conversation(BaseConversation):
    """Listens, answers, lets itself be interrupted, asks the silent, and decides when the call ends."""

    def __init__(
        self, settings: ConversationSettings, end: Callable[[Ending], None], opt_out: OptOut | None = None
    ) -> None:
        super().__init__(settings, end, opt_out)
        self._last_said = ""
        self._wants_response = False

    def attach(self, ear: Ear, speaker: Speaker, responder: Responder, history: History, context: Context) -> None:
        """Give the conversation its parts (which need `post`, so they are made after it)."""
        self._ear, self._speaker, self._history = ear, speaker, history
        self._clock = TurnClock(context.figures)
        self._floor = Floor(ear, speaker, responder, history, context)
        taking = self._settings.turn_taking
        self._turns = CallerTurns(
            taking,
            ear,
            speaker,
            self._floor,
            context,
            spoke=self._caller_spoke,
            accept=self._accept,
            overhear=self._heard,
            taken_back=lambda: self.note(_NOTHING_SAID, respond=True),
        )
        self.opening = Opening(self._settings, context.clearance, self)
        self._turns.overhears = self._settings.voicemail_detection
        self._handlers = self._event_table(self._turns)

    def _event_table(self, turns: CallerTurns) -> dict[type, Callable[[Any], None]]:
        return {
            SpeechStarted: turns.speech_started,
            SpeechResumed: turns.speech_resumed,
            LikelyEnd: turns.likely_end,
            TurnEnded: turns.turn_ended,
            Interrupted: lambda _: turns.interrupted(),
            FalseInterruption: turns.false_interruption,
            ev.WordsKnown: turns.words_known,
            ev.UtteranceRecognised: turns.recognised,
            ev.UtteranceStarted: self._on_utterance_started,
            ev.UtteranceDone: self._on_utterance_done,
            ev.ReplyDone: self._on_reply_done,
            ev.SilenceDue: self._on_silence,
            ev.DigitsEntered: self._on_digits,
            ev.Due: lambda event: event.act(),
            ev.BeepHeard: lambda _: None,
            ev.BeepEnded: lambda _: None,
            ev.RecogniserFailed: lambda event: self.fail(event.error),
            ev.SpeakingFailed: self._on_speaking_failed,
            ev.FloorWanted: lambda _: None,
            LegDigit: self._on_digit,
            LegClosed: lambda event: self._closing.leg_closed(event, may_leave=self._peer_may_leave),
            LegRinging: lambda _: None,
            LegAnswered: lambda _: None,
        }

    # the loop

    async def run(self) -> None:
        """Open the conversation and handle events until cancelled."""
        self.opening.begin()
        self._settle()
        while True:
            event = await self._events.get()
            self.opening.observe(event)
            if self._takes(event):
                self._handlers[type(event)](event)
            self._settle()

    def _takes(self, event: ev.ConversationEvent) -> bool:
        ends = LegClosed | ev.UtteranceDone | ev.ReplyDone | ev.SpeakingFailed | ev.RecogniserFailed
        if isinstance(event, ends | ev.Due):
            return True
        return not (self._closing.decided or self._transferring)

    def _settle(self) -> None:
        """After every event: give the floor to what waited for it, and tell the parts who has it."""
        if self._closing.decided:
            self._ear.turns.agent_active = False
            return
        turn = self._turns.turn
        if turn is None:
            self.opening.answerer_paused()
        if self._idle:
            self._use_free_floor()
        # what began after the caller's words was not interrupted by them
        spoken_over = turn is not None and (turn.overheard or self._floor.has_line_after(self._ear.turns.speech_ended))
        self._ear.turns.agent_active = self._floor.can_be_taken and not (self._transferring or spoken_over)
        self._turns.overhears = self.opening.lets_speak_first
        if self._silence:
            self._silence.follow(agent_busy=self._floor.agent_busy, idle=self._idle)

    @property
    def _idle(self) -> bool:
        somebody = self._floor.agent_busy or self._turns.turn or self._transferring or self.keypad.entering
        return self.opening.over and not somebody

    def _use_free_floor(self) -> None:
        waiting = self._turns.take_waiting(self._last_said)
        if waiting is not None:
            self._accept(waiting)
        elif self._wants_response:
            self._wants_response = False
            self._floor.answer()

    def _accept(self, text: str, turn: CallerTurn | None = None) -> None:
        """The caller's turn is over and gets its answer."""
        if self._heard(text):
            if turn is not None:
                turn.drop(self._floor)
            return
        self.opening.voicemail.answered()
        if turn is not None and turn.ended is not None:
            self._clock.accepted(speech_ended=turn.ended.at, decided=self._loop.time())
        # this answer knows whatever the model was to speak about: it is not asked once more for that alone
        self._wants_response = False
        self._floor.answer(turn.prepared if turn else None)

    def _heard(self, text: str) -> bool:
        """The caller said this; whether that ends the call, because they never want another."""
        self._history.add_caller(text)
        confirmation = self._opt_out.asked(text) if self._opt_out else None
        if confirmation is not None:
            self.close(Ending(EndReason.OPT_OUT), confirmation)
        return confirmation is not None

    # the agent's turn

    def _on_utterance_started(self, event: ev.UtteranceStarted) -> None:
        said, reply = event.utterance, self._floor.reply
        if reply is not None and said in reply.utterances:
            first_token, first_audio = reply.first_token_at, said.first_audio_at
            self._clock.audible(first_token=first_token, first_audio=first_audio, first_packet=event.at)

    def _on_utterance_done(self, event: ev.UtteranceDone) -> None:
        said, reply = event.utterance, self._floor.reply
        self._history.settle()
        self._last_said = said.heard() or self._last_said
        self._after(said)
        of_reply = reply is not None and said in reply.utterances
        # what may not be interrupted is not the assistant's own: notices, announcements, last words
        if said.interruptible and not (of_reply or said.stopped or said.failed) and self._is_goodbye(said.text):
            self._close_when_heard(Ending(EndReason.ASSISTANT_HANGUP))

    def _on_reply_done(self, event: ev.ReplyDone) -> None:
        reply = event.reply
        if reply is not self._floor.reply or self._closing.decided:
            return
        self._floor.reply = None
        if event.error is not None:
            self.fail(event.error)
        elif reply.interrupted:
            return
        elif (end := reply.end) is not None:
            goodbye = self._settings.end_call_message if end.goodbye is None else end.goodbye
            self._close_when_heard(Ending(end.end_reason), goodbye)
        elif self._is_goodbye(reply.text):
            self._close_when_heard(Ending(EndReason.ASSISTANT_HANGUP))

    def _on_speaking_failed(self, event: ev.SpeakingFailed) -> None:
        if not event.utterance.stopped:
            # there is no voice to apologise with
            self.close(Ending(EndReason.PROVIDER_ERROR, str(event.error)))

    def _on_digits(self, event: ev.DigitsEntered) -> None:
        if self._floor.can_be_taken:
            self._floor.take()
        self._turns.held.append(f"[keypad] {event.digits}")

    # what others ask for

    def say(self, text: str, *, interruptible: bool = True, then_end: bool = False) -> Utterance:
        """Speak after what is being said; with `then_end` the call ends afterwards."""
        utterance = self._speaker.say(*split_sentences(text), interruptible=interruptible and not then_end)
        self._history.add_answer(utterance)
        if then_end:
            self._says_then_ends = utterance
        return utterance

    def stop(self, utterance: Utterance) -> None:
        """Give up something that is said or waits to be."""
        self._speaker.stop(utterance)

    def greet(self) -> None:
        """Speak the first message, or let the model open when there is none (empty: the caller begins)."""
        if self._settings.first_message:
            self.say(self._settings.first_message).begins_over_caller = True
        elif self._settings.first_message is None:
            self._floor.answer()

    def note(self, text: str, *, respond: bool) -> None:
        """Tell the model something; with `respond` it speaks as soon as the floor is free."""
        self._history.add_note(text)
        if respond and self._turns.turn is not None:
            self._turns.turn.drop(self._floor)  # an early answer has not read it
        self._wants_response = self._wants_response or respond
        self.post(ev.FloorWanted())

    def _resume(self) -> None:
        self._turns.catch_up()
        reply, turns = self._floor.reply, self._turns
        if reply is not None and reply.interrupted and not (turns.turn or turns.held):
            # the words that stopped the answer fell into the transfer: else nobody tells the caller that it failed
            self._wants_response = True

    def _fall_silent(self) -> None:
        if self._turns.turn is not None:
            self._turns.turn.drop(self._floor)
        self._floor.silence()
