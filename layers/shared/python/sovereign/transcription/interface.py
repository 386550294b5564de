"""The interface every vendor of transcripts implements, and what a conversation is made of."""

from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple, Protocol

from sovereign.calls.model import Message

CALLER, AGENT = 0, 1
"""The channels of a recording: the caller is left, the agent right."""
_ROLES = {CALLER: "user", AGENT: "assistant"}


class TranscriptionError(Exception):
    """A recording could not be transcribed. The message is fit for a log: no key, no address, no words in it."""

    def __init__(self, provider: str, message: str) -> None:
        super().__init__(f"{provider}: {message}")
        self.provider = provider


class Spoken(NamedTuple):
    """Something one side said; seconds from the recording's beginning."""

    start: float
    channel: int
    text: str


class Transcriber(Protocol):
    """A recogniser of whole recordings. Blocking and bounded; meant for a Lambda, not for a call."""

    def transcribe(self, address: str) -> list[Spoken]:
        """What was said in the stereo recording at an address anybody may fetch, in any order.

        Raises TranscriptionError.
        """


def as_messages(spoken: Iterable[Spoken]) -> list[Message]:
    """The conversation in the order of its beginnings; what one side says without an answer is one message."""
    heard = sorted(piece for piece in spoken if piece.text.strip() and piece.channel in _ROLES)
    return [
        Message(_ROLES[channel], " ".join(piece.text.strip() for piece in pieces))
        for channel, pieces in groupby(heard, key=lambda piece: piece.channel)
    ]
