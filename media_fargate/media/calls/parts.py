"""What a call session needs of the conversation it runs, whichever kind of model holds it."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from media.conversation.clearance import Clearance
from media.conversation.closing import Ending
from media.conversation.events import ConversationEvent
from media.conversation.transfers import Transfers
from media.conversation.utterance import Utterance
from media.speech.interfaces import ProviderUsage


class CallConversation(Protocol):
    """The conversation of a call, as its session, its transfers and control commands see it."""

    @property
    def closing(self) -> bool:
        """Whether the call is about to end."""

    def post(self, event: ConversationEvent) -> None:
        """Hand over what happened; it is handled in order."""

    def on_hold(self, *, held: bool) -> None:
        """The far end has put the call on hold, or the hold is over."""

    def say(self, text: str, *, interruptible: bool = True, then_end: bool = False) -> Utterance:
        """Speak after what is being said; with `then_end` the call ends afterwards."""

    def note(self, text: str, *, respond: bool) -> None:
        """Tell the model something; with `respond` it speaks as soon as the floor is free."""

    def transferring(self, *, peer_may_leave: bool) -> AbstractContextManager[None]:
        """While the caller is being handed over nobody is listened to or answered.

        `peer_may_leave`: the leg's end then may mean that it was, which the transfer itself will tell.
        """

    def transferred(self) -> None:
        """The caller was handed over."""

    def close(self, ending: Ending, message: str | None = None) -> None:
        """End the call after an optional last message; the first ending stands."""

    def cut(self, ending: Ending) -> None:
        """End the call in this moment; what was decided before stands as the reason."""


@dataclass(frozen=True)
class ConversationUsage:
    """What the providers of a conversation were used for, beside its model's turns, which are in the call's figures."""

    stt: ProviderUsage
    tts: ProviderUsage


class CallParts(Protocol):
    """What exists while the call runs."""

    @property
    def tasks(self) -> asyncio.TaskGroup:
        """Ends with the call."""

    @property
    def conversation(self) -> CallConversation:
        """The conversation."""

    @property
    def transfers(self) -> Transfers:
        """Its transfers."""

    @property
    def clearance(self) -> Clearance:
        """What may be done with the caller's audio by now."""

    @property
    def usage(self) -> ConversationUsage:
        """Figures so far; the final ones after `stop`."""

    def work(self) -> Sequence[Coroutine[Any, Any, None]]:
        """What is to run as long as the call lasts."""

    def poll(self, pcm: bytes, now: float) -> None:
        """Take what the caller's line brought (perhaps nothing) up to `now`, and keep its buffer filled."""

    def stop(self) -> None:
        """The call is over: listen to nothing more, and give up what is being said."""

    def refusal(self, command: Mapping[str, Any], /) -> str | None:
        """Why the model cannot carry out a control command; None when it can."""
