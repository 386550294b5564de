"""One stretch of the model's own speech: its text and audio as they come, and how much of it was heard."""

from media.audio.levels import duration
from media.conversation.utterance import Utterance


class ModelUtterance(Utterance):
    """Speech a model makes by itself. `asked` is what it was asked to say; without it the model speaks of its own
    accord. Text and audio arrive side by side, so that what was heard of the text follows from the time."""

    def __init__(self, sample_rate: int, *, interruptible: bool = True, asked: str | None = None) -> None:
        super().__init__(sample_rate, interruptible=interruptible)
        self.asked = asked
        self.item: str | None = None
        self._spoken_text = ""

    def spoken(self, text: str) -> None:
        """More of the text of what it says."""
        self._spoken_text += text

    @property
    def text(self) -> str:
        """What it says, as far as the model has told."""
        return " ".join(self._spoken_text.split())

    @property
    def expected_text(self) -> str:
        """What it was asked to say; of its own accord, what it says so far."""
        return self.asked or self.text

    @property
    def has_sound(self) -> bool:
        """Whether any audio of it came: of a text alone nothing is heard."""
        return self._end > 0

    @property
    def played_milliseconds(self) -> int:
        """How much of its audio was played."""
        return round(duration(self._played, self._rate) * 1000)

    def heard(self) -> str:
        """What of the text was played."""
        if not self.has_sound:
            return ""
        if not self.stopped and self.done.is_set():
            return self.text
        share = self._played / self._end
        words = self.text.split()
        return " ".join(words[: round(len(words) * share)])
