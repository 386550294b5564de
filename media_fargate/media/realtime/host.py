"""What an exchange needs of the conversation it belongs to."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from media.conversation.tools import ToolResult
from media.conversation.utterance import Utterance


class Host(Protocol):
    """The conversation this is the exchange of."""

    @property
    def closing(self) -> bool:
        """Whether the call is about to end."""

    def say(self, text: str) -> Utterance:
        """Have the model say this after what it is saying."""

    def caller_spoke(self, text: str) -> None:
        """The caller said something; `text` is more of it, as far as it is known."""

    def caller_said(self, text: str) -> None:
        """All the caller said in one turn."""

    def caller_answered(self) -> None:
        """The model answers the caller."""

    def agent_finished(self, text: str) -> None:
        """The model's turn is over: all it said."""

    def wants_end(self, result: ToolResult) -> None:
        """The model hung up, by this call."""

    def interrupted(self) -> None:
        """The caller interrupted what was being said."""

    def later(self, seconds: float, act: Callable[[], None]) -> asyncio.TimerHandle:
        """Run something later, in order with the events."""
