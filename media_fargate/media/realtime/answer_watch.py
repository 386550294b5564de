"""A model that falls silent in the middle of what it says."""

import asyncio
from collections.abc import Callable

from media.audio.levels import duration
from media.speech.speech_to_speech import (
    AgentAudio,
    AgentPaused,
    AgentTurnOver,
    AgentWords,
    CallerSpeaks,
    CallsWanted,
    SpeechEvent,
)

_SILENCE_SECONDS = 8.0
"""As long as it may take to begin. Counted from the end of what came: a vendor may tell that it is complete only when
it must have been heard."""


class AnswerWatch:
    """Watches one connection whose audio has `sample_rate`; `silent` is called once."""

    def __init__(self, sample_rate: int, silent: Callable[[], None]) -> None:
        self._rate = sample_rate
        self._silent = silent
        self._loop = asyncio.get_running_loop()
        self._heard_until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def observe(self, event: SpeechEvent) -> None:
        """Something came."""
        if isinstance(event, AgentAudio | AgentWords):
            seconds = duration(len(event.pcm), self._rate) if isinstance(event, AgentAudio) else 0.0
            self._heard_until = max(self._heard_until, self._loop.time()) + seconds
            if self._timer is None:
                self._wait()
        elif isinstance(event, AgentPaused | AgentTurnOver | CallerSpeaks | CallsWanted):
            self.stop()

    def stop(self) -> None:
        """It has said what it was saying, or the connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._heard_until = 0.0

    def _wait(self) -> None:
        self._timer = self._loop.call_at(self._heard_until + _SILENCE_SECONDS, self._due)

    def _due(self) -> None:
        if self._loop.time() < self._heard_until + _SILENCE_SECONDS:
            self._wait()
        else:
            self._timer = None
            self._silent()
