"""What to do about a silent caller: when to ask, what to say, when to give up."""

import asyncio
from collections.abc import Callable

from media.conversation.settings import Silence


class SilenceWatch:
    """Calls `due` when the caller has been silent for too long after the agent finished. One timer a call."""

    def __init__(self, policy: Silence, due: Callable[[], None]) -> None:
        self._policy = policy
        self._due = due
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.attempts = 0

    def watch(self) -> None:
        """Nobody speaks from now on; does nothing while it already watches."""
        if self._timer is None:
            wait = self._policy.interval_seconds if self.attempts else self._policy.first_check_seconds
            self._timer = self._loop.call_later(wait, self._elapsed)

    def pause(self) -> None:
        """Somebody speaks, or an answer is on its way: silence is over for the moment."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def start_over(self) -> None:
        """The caller spoke: all attempts are available again."""
        self.pause()
        self.attempts = 0

    def next_message(self) -> str | None:
        """Count an attempt; returns what to say, or None when the model is to ask."""
        self.attempts += 1
        messages = self._policy.messages
        return messages[self.attempts - 1] if self.attempts <= len(messages) else None

    @property
    def exhausted(self) -> bool:
        """Whether every attempt was made."""
        return self.attempts >= self._policy.max_attempts

    def _elapsed(self) -> None:
        self._timer = None
        self._due()
