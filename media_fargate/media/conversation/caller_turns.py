"""The caller's side of the floor: from speech and words to whole turns, and what is done with them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from media.conversation.backchannels import is_assent, is_backchannel
from media.conversation.context import Context
from media.conversation.ear import Ear
from media.conversation.events import UtteranceRecognised, WordsKnown
from media.conversation.floor import Floor
from media.conversation.reply import Reply
from media.conversation.settings import TurnTaking
from media.conversation.speaker import Speaker
from media.conversation.turn_taking import (
    FalseInterruption,
    LikelyEnd,
    SpeechResumed,
    SpeechStarted,
    TurnEnded,
)

_ASSENT_SECONDS = 1.5
"""A "yes" this shortly before the agent finished its question answers the question."""


@dataclass
class CallerTurn:
    """What the caller is saying, from the start of speech until it is answered; `prepared` is an early answer. What is
    only `overheard` began before the agent's own opening: it interrupts nothing and gets no answer of its own.
    `took_floor`: words that were not final yet made the agent give up what it was saying."""

    pieces: list[str] = field(default_factory=list)
    ended: TurnEnded | None = None
    prepared: Reply | None = None
    overheard: bool = False
    took_floor: bool = False

    @property
    def text(self) -> str:
        """All its words so far."""
        return " ".join(self.pieces)

    def drop(self, floor: Floor) -> None:
        """Throw the early answer away."""
        if self.prepared is not None:
            floor.discard(self.prepared)
            self.prepared = None


class CallerTurns:
    """Follows the caller's turns. `spoke` is called at the end of each that was no echo; `accept(text, turn)` gets
    those that are to be answered; what is said over the agent without interrupting it waits in `held`. `taken_back` is
    called when the agent gave way to words that the recogniser did not stand by."""

    def __init__(
        self,
        settings: TurnTaking,
        ear: Ear,
        speaker: Speaker,
        floor: Floor,
        context: Context,
        *,
        spoke: Callable[[], None],
        accept: Callable[[str, CallerTurn], None],
        overhear: Callable[[str], object],
        taken_back: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._ear = ear
        self._speaker = speaker
        self._floor = floor
        self._figures = context.figures
        self._spoke = spoke
        self._accept = accept
        self._overhear = overhear
        self._taken_back = taken_back
        self.overhears = False
        self._loop = asyncio.get_running_loop()
        self._assent: tuple[str, float] | None = None
        self.turn: CallerTurn | None = None
        self.held: list[str] = []

    def take_waiting(self, last_said: str) -> str | None:
        """What waited for the agent to finish, if it is to be answered now; `last_said` is the agent's last text."""
        assent, self._assent = self._assent, None
        if self.held:
            text, self.held = " ".join(self.held), []
            return text
        if assent and last_said.endswith("?") and self._loop.time() - assent[1] <= _ASSENT_SECONDS:
            return assent[0]
        return None

    def speech_started(self, _: SpeechStarted) -> None:
        """The caller begins to speak: the agent does not begin meanwhile."""
        self._speaker.caller_speaking = True
        if self.turn is None:
            self.turn = CallerTurn(overheard=self.overhears)
        # a turn that still waits for its text goes on
        self.turn.ended = None
        self.turn.drop(self._floor)

    def speech_resumed(self, _: SpeechResumed) -> None:
        """The caller goes on after a pause: an early answer is out of date."""
        self._speaker.caller_speaking = True
        if self.turn is not None:
            self.turn.drop(self._floor)

    def catch_up(self) -> None:
        """Nobody was followed for a while: a turn that ended meanwhile is not waited for."""
        self._speaker.caller_speaking = self._ear.turns.caller_speaking
        if self.turn is not None and not self._ear.turns.in_turn:
            self.turn.drop(self._floor)
            self.turn = None

    def likely_end(self, _: LikelyEnd) -> None:
        """The caller pauses: the agent may begin if it has something to say."""
        self._speaker.caller_speaking = False
        self._speaker.pump()

    def words_known(self, event: WordsKnown) -> None:
        """Words so far: they can make an interruption, confirm one, or show it to be listening."""
        if self.turn is None or self.turn.overheard:
            return
        known = f"{self.turn.text} {event.text}".strip()
        if self._ear.interrupts(known):
            self.interrupted()
        if self._floor.interrupted and known and not is_backchannel(known):
            self.turn.took_floor = True
            self._floor.take()

    def recognised(self, event: UtteranceRecognised) -> None:
        """Final text up to a pause: an early answer starts, or the turn is complete."""
        turn = self.turn
        if turn is None:
            return
        if event.text:
            turn.pieces.append(event.text)
            turn.drop(self._floor)
        if not turn.overheard:
            self._confirm(turn)
        if turn.ended is not None and not self._ear.recognition.pending:
            self._finish_turn(turn)
        elif turn.text and not (
            turn.overheard or turn.prepared or self._floor.agent_busy or self._speaker.caller_speaking
        ):
            turn.prepared = self._floor.prepare_answer(turn.text)

    def _confirm(self, turn: CallerTurn) -> None:
        if self._ear.interrupts(turn.text):
            self.interrupted()
        if self._floor.interrupted and turn.text:
            (self._floor.give_back if is_backchannel(turn.text) else self._floor.take)()

    def turn_ended(self, event: TurnEnded) -> None:
        """The turn is over; it is complete when its text is there."""
        self._speaker.caller_speaking = False
        if self.turn is not None:
            self.turn.ended = event
            if not self._ear.recognition.pending:
                self._finish_turn(self.turn)

    def _finish_turn(self, turn: CallerTurn) -> None:
        self.turn = None
        if not turn.text:
            if turn.took_floor:
                self._taken_back()
            return
        if turn.ended is not None and turn.ended.echo:
            turn.drop(self._floor)
            self._figures.echoes += 1
            return
        self._spoke()
        if turn.overheard:
            self._overhear(turn.text)
        elif self._floor.agent_busy:
            self._overlap(turn)
        else:
            self._accept(turn.text, turn)

    def _overlap(self, turn: CallerTurn) -> None:
        """The caller said something while the agent has the floor, without having interrupted it."""
        if is_backchannel(turn.text):
            self._assent = (turn.text, self._loop.time()) if is_assent(turn.text) else None
            return
        if self._floor.can_be_taken and self._is_meant(turn):
            self._figures.interruptions += 1
            self._floor.take()
        if self._floor.agent_busy:
            self.held.append(turn.text)
        else:
            self._accept(turn.text, turn)

    def _is_meant(self, turn: CallerTurn) -> bool:
        if self._floor.reply is not None and not self._floor.agent_audible:
            # nothing is lost by answering both together
            return True
        if turn.ended is not None and self._floor.has_line_after(turn.ended.at):
            # a line that waited for the caller to pause was not interrupted by what they said before
            return False
        taking = self._settings
        long_enough = turn.ended is not None and turn.ended.voiced >= taking.interruption_min_duration
        return long_enough and len(turn.text.split()) >= taking.interruption_min_words

    def interrupted(self) -> None:
        """Fall silent; whether it was meant is known when the words are, unless that question is switched off."""
        if self._floor.interrupt() and self._settings.false_interruption_timeout is None:
            self._floor.take()

    def false_interruption(self, _: FalseInterruption) -> None:
        """Nothing was said after all: the agent goes on."""
        if self._floor.interrupted:
            self._floor.give_back()
