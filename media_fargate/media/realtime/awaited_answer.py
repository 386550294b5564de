"""The model's answer to what the caller said last: whether it is expected, and how long it took."""

import asyncio
from collections.abc import Callable

from media.conversation import events as ev
from media.conversation.context import Context
from media.conversation.figures import TurnFigures

ANSWER_EXPECTED_SECONDS = 3.0
"""So long after the caller spoke the model is taken to be thinking; then it counts as silence."""


class AwaitedAnswer:
    """Follows one answer after another; each that is heard is counted as a turn of the call."""

    def __init__(self, context: Context) -> None:
        self._figures = context.figures
        self._post = context.post
        self._loop = asyncio.get_running_loop()
        self._speech_ended: float | None = None
        self._expected_until = 0.0
        self._turn: TurnFigures | None = None
        self._otherwise: Callable[[], None] | None = None

    @property
    def expected(self) -> bool:
        """Whether the model is taken to be thinking about what the caller said."""
        return self._loop.time() < self._expected_until

    def expect(self, speech_ended: float) -> None:
        """The caller's turn is over; speech ended at that moment."""
        self._speech_ended = speech_ended
        self._expected_until = self._loop.time() + ANSWER_EXPECTED_SECONDS
        self._loop.call_later(ANSWER_EXPECTED_SECONDS, self._post, ev.FloorWanted())

    def put_off(self) -> None:
        """The model needs something for it first."""
        self._expected_until = 0.0

    def otherwise(self, act: Callable[[], None]) -> None:
        """What the model was let hear may be something to answer, or a mere noise: do this if it does not speak."""
        self._otherwise = act

        def due() -> None:
            if self._otherwise is not act:
                return
            if self.expected:  # what was heard has only just ended
                self._loop.call_at(self._expected_until, self._post, ev.Due(due))
                return
            self._otherwise = None
            act()

        self._loop.call_later(ANSWER_EXPECTED_SECONDS, self._post, ev.Due(due))

    def begins(self, *, asked: bool) -> bool:
        """The model speaks, perhaps because it was `asked` to; whether that is the caller's answer."""
        now, ended, self._speech_ended = self._loop.time(), self._speech_ended, None
        self._expected_until, self._otherwise = 0.0, None
        self._turn = None if ended is None or asked else TurnFigures(ended, decided=now, first_token=now)
        return self._turn is not None

    def started(self, event: ev.UtteranceStarted) -> None:
        """The first sound of something left."""
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.first_audio, turn.first_packet = event.utterance.first_audio_at, event.at
            self._figures.turns.append(turn)
