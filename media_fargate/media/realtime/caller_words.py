"""What the caller said, as the model's own recognition tells it: late, in pieces, and still in its place."""

from collections.abc import Callable

from media.conversation.history import CallerEntry, History
from media.speech.speech_to_speech import CallerWords

_MOST_OPEN = 3


class CallerTranscript:
    """Keeps a place in the history for each turn of the caller from the moment it is known that there was one.

    `said` is told each turn's text when nothing of it follows.
    """

    def __init__(self, history: History, said: Callable[[str], None]) -> None:
        self._history = history
        self._said = said
        self._open: dict[str, CallerEntry] = {}

    def take(self, event: CallerWords) -> None:
        """More of a turn, or the first sign of it."""
        entry = self._open.get(event.turn)
        if entry is None:
            entry = self._open[event.turn] = self._history.expect_caller()
            if len(self._open) > _MOST_OPEN:
                # what is missing of it so long after will not come, and must not keep back the rest
                self._complete(next(iter(self._open)))
        entry.text += event.text
        if event.final:
            self._complete(event.turn)

    def lost(self) -> None:
        """The connection, or the caller, is gone: what is known of each turn is all there will be."""
        for turn in list(self._open):
            self._complete(turn)

    def _complete(self, turn: str) -> None:
        entry = self._open.pop(turn)
        entry.known = True
        self._history.settle()
        self._said(entry.text)
