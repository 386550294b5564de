"""The consent step of an inbound call: the question, the key that answers it, and how long that may take."""

import asyncio
from collections.abc import Callable

from media.conversation.utterance import Utterance
from sovereign.calls.model import EndReason

ANSWER_SECONDS = 10.0
"""After the question, before it is repeated; and again before the call ends."""
_YES, _NO = "1", "2"


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
        self._repeated = self._suspended = False

    @property
    def pending(self) -> bool:
        """Whether the caller has still to answer."""
        return self._question is not None

    def begin(self) -> None:
        """Put the question."""
        self._question = self._ask()

    def utterance_done(self, utterance: Utterance) -> None:
        """Something was spoken: after the question the time for the answer runs."""
        if utterance is self._question and not self._suspended:
            self._timer = self._later(ANSWER_SECONDS, self._nobody_answered)

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

    def suspend(self) -> None:
        """The caller is being handed over, and cannot answer meanwhile."""
        self._suspended = True
        if self._timer is not None:
            self._timer.cancel()

    def resume(self) -> None:
        """They were not: what they were asked before is put to them again."""
        self._suspended = False
        if self.pending:
            self.begin()

    def cancel(self) -> None:
        """The call is ending otherwise: nothing is asked any more."""
        self._question = None
        if self._timer is not None:
            self._timer.cancel()

    def _nobody_answered(self) -> None:
        if not self.pending:
            return
        if self._repeated:
            self.cancel()
            self._refused(EndReason.CONSENT_TIMEOUT)
        else:
            self._repeated = True
            self.begin()
