"""The transcript as a model reads it."""

from collections.abc import Sequence

from sovereign.calls.model import Message

MAX_CHARACTERS = 300_000
"""About 75,000 tokens: every after-call model takes that. A longer transcript loses its middle."""
_CUT = "\n[...]\n"
SPOKEN = ("user", "assistant")


def conversation(messages: Sequence[Message]) -> list[Message]:
    """What caller and assistant said: the messages `min_messages_threshold` counts."""
    return [m for m in messages if m.role in SPOKEN]


def as_text(messages: Sequence[Message]) -> str:
    """One `role: words` line a message."""
    lines = "\n".join(f"{m.role}: {' '.join(m.content.split())}" for m in messages if m.role != "system")
    if len(lines) <= MAX_CHARACTERS:
        return lines
    half = (MAX_CHARACTERS - len(_CUT)) // 2
    return lines[:half] + _CUT + lines[-half:]
