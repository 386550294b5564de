"""What the stand-ins of the streaming recognisers share: what is said, and who is let in."""

from collections.abc import Sequence
from http import HTTPStatus

from tests.fakes.server import GOOD_KEY, QUOTA_KEY, FakeServer, Trouble

INTERIM_EVERY_SECONDS = 0.5


class FakeRecogniser(FakeServer):
    """Says the scripted utterances one by one: the next after each end of an utterance that had audio.

    `answers_end`: whether it tells the final text at all. `patience`: seconds without audio after which a stream is
    broken off, where a service does that.
    """

    patience: float | None = None
    mute = False
    """Whether it says nothing at all, though it is there."""

    def __init__(
        self,
        trouble: Trouble | None = None,
        *,
        utterances: Sequence[str] = ("hello there",),
        answers_end: bool = True,
        port: int = 0,
    ) -> None:
        super().__init__(trouble, port=port)
        self.utterances = list(utterances)
        self.messages: list[str] = []
        self.audio_bytes = 0
        self.answers_end = answers_end
        self.connections = 0
        # as a process of its own it never runs out of things that were said
        self.repeat = port != 0

    def refusal(self, key: str) -> int | None:
        """The status a connection with this key is refused with."""
        if self.trouble.status:
            return self.trouble.status
        if key == QUOTA_KEY:
            return HTTPStatus.TOO_MANY_REQUESTS
        return None if key == GOOD_KEY else HTTPStatus.UNAUTHORIZED

    def cut_after(self, pieces: int) -> bool:
        """Whether the script cuts the connection at this piece of audio; once, so that the next one lives."""
        if self.trouble.drop_after is None or pieces <= self.trouble.drop_after:
            return False
        if self.trouble.drop_once:
            self.trouble.drop_after = None
        return True

    def interim(self, heard: int, size: int, rate: int) -> str:
        """What is known after `heard` bytes, the last `size` of them new; empty when there is nothing new to say."""
        if self.mute:
            return ""
        every = int(INTERIM_EVERY_SECONDS * rate * 2)
        if heard // every == (heard - size) // every:
            return ""
        words = self.utterances[0].split() if self.utterances else []
        return " ".join(words[: heard // every])

    def next_utterance(self) -> str:
        if not self.utterances:
            return ""
        said = self.utterances.pop(0)
        if self.repeat:
            self.utterances.append(said)
        return said
