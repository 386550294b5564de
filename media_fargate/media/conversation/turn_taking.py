"""Who has the turn: a pure state machine on the moments at which audio arrived. No clock, no I/O, no model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from media.audio.vad import VoiceWindow
from media.conversation.backchannels import is_backchannel
from media.conversation.settings import TurnTaking

SPEECH_STARTS_AT = 0.5
SPEECH_GOES_ON_AT = 0.35
"""Probabilities of Silero's own hysteresis: a start needs more than going on does."""
ONSET_SECONDS = 0.06
"""Two windows: a single one is a click."""
LIKELY_END_SECONDS = 0.2
"""Silence after which the recogniser is asked for its text, so that it works inside the wait."""
ECHO_RECHECK_SECONDS = 0.1
"""How long speech that was found to be an echo is taken for one before it is looked at again."""
MAX_UTTERANCE_SECONDS = 30.0
"""Voice without a pause for this long (a television) is taken as a turn and then ignored until it pauses."""


@dataclass(frozen=True)
class SpeechStarted:
    """The caller began to speak at `at`."""

    at: float


@dataclass(frozen=True)
class LikelyEnd:
    """The caller paused: speech ended at `at`, the turn may be over."""

    at: float


@dataclass(frozen=True)
class SpeechResumed:
    """The caller went on after a likely end."""

    at: float


@dataclass(frozen=True)
class TurnEnded:
    """The turn is over. Speech ended at `at`; `voiced` seconds of it were speech. `echo`: it was the agent's own."""

    at: float
    voiced: float
    echo: bool = False


@dataclass(frozen=True)
class Interrupted:
    """The caller speaks against the agent, long enough to be meant."""

    at: float


@dataclass(frozen=True)
class FalseInterruption:
    """Nothing was said within the time limit after an interruption: the agent goes on."""


TurnEvent = SpeechStarted | LikelyEnd | SpeechResumed | TurnEnded | Interrupted | FalseInterruption


IsEcho = Callable[[float, float], bool]
"""Whether what was heard between two moments was the agent's own voice coming back."""


def _never(_start: float, _end: float) -> bool:
    return False


class _State(Enum):
    QUIET = auto()
    SPEAKING = auto()
    PAUSED = auto()


class TurnTaker:
    """Turns voice windows, known words and the passing of time into turn events.

    `agent_active` is to be kept up to date by the owner: the agent speaks, or prepares an answer. `is_echo` is asked
    before speech counts as an interruption, and once more at each likely end.
    Every moment is on one clock; `advance(now)` must be called when `deadline` is reached.
    """

    def __init__(self, settings: TurnTaking, is_echo: IsEcho = _never) -> None:
        self._settings = settings
        self._is_echo = is_echo
        self._echo_until = 0.0
        self._echo = False
        self._likely_delay = min(LIKELY_END_SECONDS, settings.endpointing_min_delay)
        self._onset_seconds = min(ONSET_SECONDS, settings.interruption_min_duration)
        self._state = _State.QUIET
        self._onset_started: float | None = None
        self._endless = False
        self._speech_started = 0.0
        self._speech_ended = 0.0
        self._voiced = 0.0
        self._words = ""
        self._interrupted = False
        self._false_after: float | None = None
        self._end_delay = settings.endpointing_min_delay
        self.agent_active = False

    @property
    def caller_speaking(self) -> bool:
        """Between the start of speech and its likely end."""
        return self._state is _State.SPEAKING

    @property
    def in_turn(self) -> bool:
        """Between the start of speech and the end of the turn."""
        return self._state is not _State.QUIET

    @property
    def speech_ended(self) -> float:
        """When the caller was last heard to speak."""
        return self._speech_ended

    @property
    def deadline(self) -> float | None:
        """When `advance` is due next unless something happens before; None: not at all."""
        due = [] if self._false_after is None or self.caller_speaking else [self._false_after]
        if self._state is _State.SPEAKING:
            due.append(self._speech_ended + self._likely_delay)
        elif self._state is _State.PAUSED:
            due.append(self._speech_ended + self._end_delay)
        return min(due, default=None)

    def hear(self, windows: Sequence[VoiceWindow]) -> list[TurnEvent]:
        """Take judged audio, in order."""
        events: list[TurnEvent] = []
        for window in windows:
            events += self._voice(window) if self._is_voice(window) else self._no_voice(window)
        return events

    def words(self, text: str) -> list[TurnEvent]:
        """Take all that is known of the words of this turn so far."""
        self._words = text
        return self._interruption(self._speech_ended) if self.in_turn else []

    def expect_more(self) -> None:
        """The end-of-turn model thinks that the caller has not finished: wait for the longest delay."""
        self._end_delay = max(self._settings.endpointing_min_delay, self._settings.endpointing_max_delay)

    def settle_interruption(self) -> None:
        """The interruption was understood (or the agent has nothing to resume): no false alarm any more."""
        self._false_after = None

    def advance(self, now: float) -> list[TurnEvent]:
        """Let time pass up to `now`."""
        events: list[TurnEvent] = []
        if self._state is _State.SPEAKING and now >= self._speech_ended + self._likely_delay:
            events.append(self._pause(self._speech_ended))
        if self._state is _State.PAUSED and now >= self._speech_ended + self._end_delay:
            events += self._end_turn()
        if self._false_after is not None and not self.caller_speaking and now >= self._false_after:
            self._false_after = None
            events.append(FalseInterruption())
        return events

    def _is_voice(self, window: VoiceWindow) -> bool:
        threshold = SPEECH_GOES_ON_AT if self._state is _State.SPEAKING else SPEECH_STARTS_AT
        return window.probability >= threshold

    def _no_voice(self, window: VoiceWindow) -> list[TurnEvent]:
        self._onset_started = None
        self._endless = False
        # time passes with the audio too: a late timer must not join two turns into one
        return self.advance(window.end) if self.in_turn else []

    def _voice(self, window: VoiceWindow) -> list[TurnEvent]:
        if self._state is _State.SPEAKING:
            self._voiced += window.end - window.start
            self._speech_ended = window.end
            return self._going_on(window.end)
        if self._endless:
            return []
        if self._onset_started is None:
            self._onset_started = window.start
        if window.end - self._onset_started < self._onset_seconds:
            return []
        return self._start(self._onset_started, window.end)

    def _start(self, onset: float, now: float) -> list[TurnEvent]:
        resumed = self._state is _State.PAUSED
        if not resumed:
            self._speech_started, self._voiced, self._words, self._interrupted = onset, 0.0, "", False
        self._onset_started = None
        self._state = _State.SPEAKING
        self._end_delay = self._settings.endpointing_min_delay
        self._voiced += now - onset
        self._speech_ended = now
        started: TurnEvent = SpeechResumed(onset) if resumed else SpeechStarted(onset)
        return [started, *self._going_on(now)]

    def _going_on(self, now: float) -> list[TurnEvent]:
        if self._false_after is not None and self._settings.false_interruption_timeout is not None:
            self._false_after = now + self._settings.false_interruption_timeout
        events = self._interruption(now)
        if now - self._speech_started >= MAX_UTTERANCE_SECONDS:
            self._endless = True
            events += [self._pause(now), *self._end_turn()]
        return events

    def _interruption(self, now: float) -> list[TurnEvent]:
        if self._interrupted or not self.agent_active or not self._is_meant() or self._is_own_voice(now):
            return []
        self._interrupted = True
        timeout = self._settings.false_interruption_timeout
        self._false_after = None if timeout is None else self._speech_ended + timeout
        return [Interrupted(now)]

    def _is_meant(self) -> bool:
        if self._voiced < self._settings.interruption_min_duration - 1e-6:
            return False
        if self._words and is_backchannel(self._words):
            return False
        return len(self._words.split()) >= self._settings.interruption_min_words

    def _is_own_voice(self, now: float) -> bool:
        if self._state is _State.PAUSED:
            return self._echo
        if now >= self._echo_until and self._is_echo(self._speech_started, self._speech_ended):
            self._echo_until = now + ECHO_RECHECK_SECONDS
        return now < self._echo_until

    def _pause(self, at: float) -> LikelyEnd:
        self._state = _State.PAUSED
        # asked now: the turn can end seconds later, when what was played is no longer remembered
        self._echo = not self._interrupted and self._is_echo(self._speech_started, self._speech_ended)
        return LikelyEnd(at)

    def _end_turn(self) -> list[TurnEvent]:
        self._state = _State.QUIET
        self._onset_started = None
        return [TurnEnded(self._speech_ended, self._voiced, self._echo and not self._interrupted)]
