"""The caller's voice beside the model: whether somebody speaks, known here sooner than the model tells."""

import asyncio
from collections.abc import Callable, Sequence

from media.audio.vad import VoiceActivity, VoiceWindow
from media.conversation.settings import TurnTaking
from media.conversation.turn_taking import LIKELY_END_SECONDS, IsEcho, TurnEvent, TurnTaker

FALSE_INTERRUPTION_SECONDS = 1.0
"""So long after a sound the model has to take it for speech; else the agent goes on where it stopped."""


class CallerVoice:
    """Judges one call's audio; what it finds out is posted. `turns.agent_active` is kept by the conversation."""

    def __init__(
        self, sample_rate: int, detector: VoiceActivity, post: Callable[[TurnEvent], None], is_echo: IsEcho
    ) -> None:
        # the model itself decides who has the turn: the settings of a pipeline's turn-taking do not apply
        self.turns = TurnTaker(
            TurnTaking(endpointing_min_delay=LIKELY_END_SECONDS, false_interruption_timeout=FALSE_INTERRUPTION_SECONDS),
            is_echo,
        )
        self._post = post
        self._loop = asyncio.get_running_loop()
        self._channel = detector.open(sample_rate, self._judged)
        self._timer: asyncio.TimerHandle | None = None

    def hear(self, pcm: bytes, arrived: float) -> None:
        """Take audio whose last sample arrived at `arrived`."""
        self._channel.push(pcm, arrived)

    def settle_interruption(self) -> None:
        """The interruption is understood: no false alarm any more."""
        self.turns.settle_interruption()
        self._arm()

    def close(self) -> None:
        """Stop listening; nothing is posted afterwards."""
        self._channel.close()
        if self._timer is not None:
            self._timer.cancel()

    def _judged(self, windows: Sequence[VoiceWindow]) -> None:
        self._emit(self.turns.hear(windows))

    def _emit(self, events: Sequence[TurnEvent]) -> None:
        for event in events:
            self._post(event)
        self._arm()

    def _arm(self) -> None:
        due = self.turns.deadline
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if due is None else self._loop.call_at(due, self._due)

    def _due(self) -> None:
        self._timer = None
        self._emit(self.turns.advance(self._loop.time()))
