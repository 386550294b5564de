"""What the caller said, as the model's own recognition tells it: late, in pieces, and still in its place."""

from media.conversation.history import CallerEntry, History
from media.speech.speech_to_speech import CallerWords

_MOST_OPEN = 3


class CallerTranscript:
    """Keeps a place in the history for each turn of the caller from the moment it is known that there was one."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._open: dict[str, CallerEntry] = {}

    def take(self, event: CallerWords) -> None:
        """More of a turn, or the first sign of it."""
        entry = self._open.get(event.turn)
        if entry is None:
            entry = self._open[event.turn] = self._history.expect_caller()
            if len(self._open) > _MOST_OPEN:
                # what is missing of it so long after will not come, and must not keep back the rest
                self._open.pop(next(iter(self._open))).known = True
        entry.text += event.text
        if event.final:
            del self._open[event.turn]
            entry.known = True
            self._history.settle()

    def lost(self) -> None:
        """The connection is gone: what is known of each turn is all there will be."""
        for entry in self._open.values():
            entry.known = True
        self._open.clear()
        self._history.settle()
