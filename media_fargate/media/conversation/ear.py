"""The agent's ear: audio in, turn events and recognised text out."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from media.audio.levels import size
from media.audio.vad import VoiceActivity, VoiceWindow
from media.conversation.context import Context
from media.conversation.recognition import Recognition
from media.conversation.turn_taking import LikelyEnd, SpeechStarted, TurnEvent, TurnTaker

_BACKLOG_SECONDS = 0.1
"""Unjudged audio beyond which silence is not believed: the detector is late, the caller may be speaking in it."""
_RECHECK_SECONDS = 0.02
_LONGEST_DISBELIEF_SECONDS = 1.0
_TAIL_SECONDS = 8.0
"""What the end-of-turn model looks at."""


class EndOfTurnPredictor(Protocol):
    """Judges from the sound of the last seconds whether a speaker has finished."""

    async def is_complete(self, pcm: bytes, sample_rate: int) -> bool:
        """Whether the turn sounds finished. Must answer within the shortest endpointing delay to matter."""


class Ear:
    """Feeds one call's audio to the voice detector and the recogniser, and drives the turn-taking by both.

    `hear` is called by the poller; everything it finds out is posted.
    """

    def __init__(
        self,
        sample_rate: int,
        turns: TurnTaker,
        detector: VoiceActivity,
        recognition: Recognition,
        context: Context,
        *,
        predictor: EndOfTurnPredictor | None,
    ) -> None:
        self.turns = turns
        self.recognition = recognition
        self._rate = sample_rate
        self._predictor = predictor
        self._spawn = context.spawn
        self._post = context.post
        self._loop = asyncio.get_running_loop()
        self._channel = detector.open(sample_rate, self._judged)
        self._timer: asyncio.TimerHandle | None = None
        self._disbelieved_since: float | None = None
        self._pauses = 0
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0

    def hear(self, pcm: bytes, arrived: float) -> None:
        """Take audio whose last sample arrived at `arrived`."""
        self._channel.push(pcm, arrived)
        self.recognition.feed(pcm)
        if self._predictor is not None:
            self._remember(pcm)

    def interrupts(self, text: str) -> bool:
        """Take all words of the running turn so far; whether these make it an interruption."""
        events = self.turns.words(text)
        self._arm()
        return bool(events)

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
            if isinstance(event, SpeechStarted):
                self.recognition.begin_turn()
            self._post(event)
            if isinstance(event, LikelyEnd):
                self.recognition.finalise()
                self._predict()
        self._arm()

    def _arm(self) -> None:
        due = self.turns.deadline
        if self._timer is not None:
            if due is not None and self._timer.when() == due:
                return
            self._timer.cancel()
        self._timer = None if due is None else self._loop.call_at(due, self._due)

    def _due(self) -> None:
        self._timer = None
        now = self._loop.time()
        if self._channel.backlog > _BACKLOG_SECONDS:
            self._disbelieved_since = self._disbelieved_since or now
            if now - self._disbelieved_since < _LONGEST_DISBELIEF_SECONDS:
                self._timer = self._loop.call_later(_RECHECK_SECONDS, self._due)
                return
        self._disbelieved_since = None
        self._emit(self.turns.advance(now))

    def _predict(self) -> None:
        if self._predictor is not None:
            self._pauses += 1
            self._spawn(self._ask_predictor(self._predictor, self._pauses))

    async def _ask_predictor(self, predictor: EndOfTurnPredictor, pause: int) -> None:
        if not await predictor.is_complete(b"".join(self._tail), self._rate) and pause == self._pauses:
            self.turns.expect_more()
            self._arm()

    def _remember(self, pcm: bytes) -> None:
        self._tail.append(pcm)
        self._tail_bytes += len(pcm)
        while self._tail_bytes - len(self._tail[0]) >= size(_TAIL_SECONDS, self._rate):
            self._tail_bytes -= len(self._tail.popleft())
