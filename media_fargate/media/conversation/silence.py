"""What to do about a silent caller: when to ask, what to say, when to give up."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from media.conversation.closing import Ending
from media.conversation.settings import Silence
from media.conversation.utterance import Utterance
from sovereign.calls.model import EndReason

_ASK_WHETHER_THERE = "The caller has been silent for a while. Ask briefly whether they are still there."


class Host(Protocol):
    """What is asked of the conversation."""

    def say(self, text: str, *, interruptible: bool = True, then_end: bool = False) -> Utterance:
        """Speak."""

    def note(self, text: str, *, respond: bool) -> None:
        """Have the model speak."""

    def close(self, ending: Ending, message: str | None = None) -> None:
        """End the call after a last message."""


class SilenceWatch:
    """Calls `due` when nothing was said for too long after the agent finished. One timer a call.

    A noise, or speech in which no word was recognised, delays it but does not begin the time anew: else a television
    would keep a call without an end. The same goes for the agent's own question that the line brings back.
    """

    def __init__(self, policy: Silence, due: Callable[[], None]) -> None:
        self._policy = policy
        self._due = due
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._since: float | None = None
        self.on_hold = False
        self.attempts = 0

    def follow(self, *, agent_busy: bool, idle: bool) -> None:
        """Keep to what is going on: the agent speaks or prepares to, nobody does, or somebody else."""
        if agent_busy:
            self.agent_spoke()
        (self.watch if idle else self.pause)()

    def watch(self) -> None:
        """Nobody speaks from now on; does nothing while it already watches."""
        if self._timer is not None or self.on_hold:
            return
        now = self._loop.time()
        self._since = now if self._since is None else self._since
        wait = self._policy.interval_seconds if self.attempts else self._policy.first_check_seconds
        self._timer = self._loop.call_at(max(now, self._since + wait), self._elapsed)

    def pause(self) -> None:
        """Something is to be heard: nothing is asked at the moment."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def agent_spoke(self) -> None:
        """The agent has something to say: the caller's time begins again after it."""
        self.pause()
        self._since = None

    def start_over(self) -> None:
        """The caller said something, or pressed a key: all attempts are available again."""
        self.agent_spoke()
        self.attempts = 0

    def hold(self, *, held: bool) -> None:
        """The call is on hold, in which nobody is silent, or it is taken back, by somebody who is there."""
        self.on_hold = held
        self.start_over()

    def act(self, host: Host) -> None:
        """Ask the caller, or have the model ask; after the last attempt end the call."""
        if self.attempts >= self._policy.max_attempts:
            host.close(Ending(EndReason.SILENCE_TIMEOUT), self._policy.final_message)
            return
        self.attempts += 1
        messages = self._policy.messages
        if self.attempts <= len(messages):
            host.say(messages[self.attempts - 1])
        else:
            host.note(_ASK_WHETHER_THERE, respond=True)

    def _elapsed(self) -> None:
        self._timer = None
        self._due()
