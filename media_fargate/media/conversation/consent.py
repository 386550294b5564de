"""The consent step of an inbound call: the question, the key that answers it, and how long that may take."""

import asyncio
from collections.abc import Callable
from enum import Enum, auto
from functools import partial

from media.conversation.utterance import Utterance
from sovereign.calls.model import EndReason

ANSWER_SECONDS = 10.0
"""After the question, before it is repeated; and again before the call ends."""
_YES, _NO = "1", "2"


class Away(Enum):
    """Why the caller cannot answer for a while."""

    HOLD = auto()
    TRANSFER = auto()


class ConsentStep:
    """Asks by `ask` (once more when nobody answers) and calls `agreed` or `refused` once.

    `later(seconds, act)` runs something later in the conversation's own order.
    """

    def __init__(
        self,
        *,
        ask: Callable[[], Utterance],
        stop: Callable[[Utterance], None],
        agreed: Callable[[], None],
        refused: Callable[[EndReason], None],
        later: Callable[[float, Callable[[], None]], asyncio.TimerHandle],
    ) -> None:
        self._ask = ask
        self._stop = stop
        self._agreed = agreed
        self._refused = refused
        self._later = later
        self._question: Utterance | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._repeated = False
        self._away: set[Away] = set()

    @property
    def pending(self) -> bool:
        """Whether the caller has still to answer."""
        return self._question is not None

    def begin(self) -> None:
        """Put the question."""
        self._question = self._ask()

    def utterance_done(self, utterance: Utterance) -> None:
        """Something was spoken: after the question the time for the answer runs."""
        if utterance is self._question and not self._away:
            self._timer = self._later(ANSWER_SECONDS, partial(self._nobody_answered, utterance))

    def press(self, digit: str) -> None:
        """A key: only one that answers counts, and none before the caller can know the question."""
        question = self._question
        if question is None or question.started_at is None or digit not in {_YES, _NO}:
            return
        self.cancel()
        self._stop(question)
        if digit == _YES:
            self._agreed()
        else:
            self._refused(EndReason.CONSENT_DECLINED)

    def suspend(self, why: Away) -> None:
        """The caller cannot answer from now on."""
        self._away.add(why)
        if self._timer is not None:
            self._timer.cancel()

    def resume(self, why: Away) -> None:
        """This keeps them no longer: once nothing does, what they were asked before is put to them again."""
        if why not in self._away:
            return
        self._away.remove(why)
        question = self._question
        # a question that has not begun is still to come
        if self._away or question is None or not (question.done.is_set() or question.started_at is not None):
            return
        self._stop(question)
        self.begin()

    def cancel(self) -> None:
        """The call is ending otherwise: nothing is asked any more."""
        self._question = None
        if self._timer is not None:
            self._timer.cancel()

    def _nobody_answered(self, question: Utterance) -> None:
        if question is not self._question or self._away:
            return
        if self._repeated:
            self.cancel()
            self._refused(EndReason.CONSENT_TIMEOUT)
        else:
            self._repeated = True
            self.begin()
