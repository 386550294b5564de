"""Whether an answering machine took the call, and when it is time to speak to it."""

import asyncio
from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

from media.conversation.events import BeepEnded, BeepHeard, ConversationEvent, UtteranceRecognised, WordsKnown
from media.conversation.machine_speech import is_machine_speech
from media.conversation.turn_taking import LikelyEnd, SpeechResumed, SpeechStarted, TurnEnded

LONGEST_SPEECH_SECONDS = 6.0
"""Uninterrupted: nobody answers a phone with so long a speech."""
_SAME_SPEECH_SECONDS = 0.5
"""A shorter pause does not interrupt it."""
WATCH_SECONDS = 30.0
"""After the answer; whoever talks with the agent for longer is a person."""
_ANSWERED_TURNS = 2
QUIET_SECONDS = 2.0
"""After the greeting's speech without a beep: some machines beep late, some never."""
_AFTER_BEEP_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 45.0
"""For the end of a greeting that does not end."""
_RINGING_BELOW_HZ = 500.0
"""Ringing tones are as low as this: such a tone shows no machine, it only ends the greeting of one."""


class Machine(Protocol):
    """What is done about an answering machine."""

    def machine_answered(self) -> bool:
        """Fall silent for good; False when there is nothing to leave and the call is over."""

    def leave_message(self) -> None:
        """Speak the message, from its beginning, and hang up."""


class _State(Enum):
    OFF = auto()
    WATCHING = auto()
    WAITING = auto()
    SPEAKING = auto()
    REPEATED = auto()


_LISTENING = (_State.WATCHING, _State.WAITING, _State.SPEAKING)
"""A tuple: asked for each packet, and a set would ask each time for the hash of an enumeration's member."""


class VoicemailWatch:
    """Follows the events of a call's beginning; `later` runs something later in the conversation's own order."""

    def __init__(self, machine: Machine, later: Callable[[float, Callable[[], None]], asyncio.TimerHandle]) -> None:
        self._machine = machine
        self._later = later
        self._loop = asyncio.get_running_loop()
        self._state = _State.OFF
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._texts: list[str] = []
        self._answered = 0
        self._first_words_over = False
        self._speaking = self._beeping = False
        self._speech_started: float | None = None
        self._speech_ended: float | None = None

    @property
    def listening(self) -> bool:
        """Whether it has use for the far end's audio."""
        return self._state in _LISTENING

    @property
    def heard_speech(self) -> bool:
        """Whether the far end has said anything, or made a noise like it."""
        return self._speech_started is not None

    def start(self) -> None:
        """The call was answered."""
        self._state = _State.WATCHING
        self._arm("watch", WATCH_SECONDS, self._is_a_person)

    def cancel(self) -> None:
        """Look no further."""
        self._state = _State.OFF
        for timer in self._timers.values():
            timer.cancel()

    def answered(self) -> None:
        """The agent answers something that the far end said."""
        self._answered += 1
        if self._state is _State.WATCHING and self._answered >= _ANSWERED_TURNS:
            self._is_a_person()

    def observe(self, event: ConversationEvent) -> None:
        """Look at what happened, before anything else does."""
        if not self.listening:
            return
        if isinstance(event, SpeechStarted | SpeechResumed):
            self._speech_goes_on(event.at)
        elif isinstance(event, LikelyEnd | TurnEnded):
            self._speech_pauses(event.at)
        elif isinstance(event, WordsKnown):
            self._read(event.text)
        elif isinstance(event, UtteranceRecognised):
            self._texts.append(event.text)
            self._read("")
        elif isinstance(event, BeepHeard):
            self._beep(event.hertz)
        elif isinstance(event, BeepEnded):
            self._beep_ends()

    # what was heard

    def _speech_goes_on(self, at: float) -> None:
        self._speaking = True
        self._disarm("quiet")
        ended = self._speech_ended
        if self._speech_started is None or ended is None or at - ended >= _SAME_SPEECH_SECONDS:
            self._speech_started = at
            self._first_words_over = any(self._texts)
        if self._state is _State.WATCHING and not self._first_words_over:
            self._arm("speech", self._speech_started + LONGEST_SPEECH_SECONDS - self._loop.time(), self._spoke_long)

    def _speech_pauses(self, at: float) -> None:
        self._speaking = False
        self._speech_ended = at
        self._disarm("speech")
        self._wait_for_quiet()

    def _read(self, running: str) -> None:
        if self._state is _State.WATCHING and is_machine_speech(" ".join([*self._texts, running])):
            self._is_a_machine()

    def _spoke_long(self) -> None:
        if self._state is _State.WATCHING and self._speaking:
            self._is_a_machine()

    def _beep(self, hertz: float) -> None:
        self._beeping = True
        self._disarm("quiet")
        if self._state is _State.WATCHING and hertz >= _RINGING_BELOW_HZ:
            self._is_a_machine()

    def _beep_ends(self) -> None:
        self._beeping = False
        if self._state is _State.WAITING:
            self._arm("quiet", _AFTER_BEEP_SECONDS, self._speak)
        elif self._state is _State.SPEAKING:
            # what was said before the beep is not on the machine
            self._state = _State.REPEATED
            self._machine.leave_message()

    # what it means

    def _is_a_person(self) -> None:
        if self._state is _State.WATCHING:
            self.cancel()

    def _is_a_machine(self) -> None:
        self._disarm("watch")
        self._disarm("speech")
        self._state = _State.WAITING
        if not self._machine.machine_answered():
            self.cancel()
            return
        self._arm("wait", LONGEST_WAIT_SECONDS, self._speak)
        self._wait_for_quiet()

    def _wait_for_quiet(self) -> None:
        if self._state is _State.WAITING and not (self._speaking or self._beeping):
            quiet_for = self._loop.time() - (self._speech_ended or self._loop.time())
            self._arm("quiet", max(0.0, QUIET_SECONDS - quiet_for), self._speak)

    def _speak(self) -> None:
        if self._state is _State.WAITING:
            self._state = _State.SPEAKING
            self._machine.leave_message()

    def _arm(self, name: str, seconds: float, act: Callable[[], None]) -> None:
        self._disarm(name)
        self._timers[name] = self._later(max(0.0, seconds), act)

    def _disarm(self, name: str) -> None:
        if timer := self._timers.pop(name, None):
            timer.cancel()
