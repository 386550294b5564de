"""What the agent says on its way to the leg: one utterance after another, the leg's buffer kept short and filled."""

import asyncio
from collections import deque

from media.audio.echo import EchoDetector
from media.audio.levels import duration, size
from media.conversation.context import Context
from media.conversation.events import UtteranceDone, UtteranceStarted
from media.conversation.utterance import Utterance
from media.telephony.leg import CallLeg

WRITE_AHEAD_SECONDS = 0.3
"""Audio kept in the leg's buffer: enough to ride out a stalled loop, little enough that nothing else is needed."""


class Playout:
    """Plays utterances one after another. All methods run on the event loop and none waits.

    `caller_speaking` keeps an interruptible utterance from beginning; `pause` stops one that has begun. `echo` knows
    what was played.
    """

    def __init__(self, leg: CallLeg, context: Context) -> None:
        self._leg = leg
        self.echo = EchoDetector(leg.sample_rate)
        self._post = context.post
        self._loop = asyncio.get_running_loop()
        self._write_ahead = size(WRITE_AHEAD_SECONDS, leg.sample_rate)
        self._current: Utterance | None = None
        self._waiting: deque[Utterance] = deque()
        self.paused = False
        self.caller_speaking = False

    @property
    def speaking(self) -> bool:
        """Whether something is being played or waits to be."""
        return self._current is not None or bool(self._waiting)

    @property
    def current(self) -> Utterance | None:
        """The utterance being played, or about to be."""
        return self._current or (self._waiting[0] if self._waiting else None)

    def release(self, utterance: Utterance) -> None:
        """Let an utterance be played after those released before it."""
        if not utterance.done.is_set():
            self._waiting.append(utterance)
            self.pump()

    def pause(self) -> None:
        """Fall silent at once; nothing is lost."""
        self.paused = True
        self._take_back()

    def resume(self) -> None:
        """Go on where it stopped."""
        self.paused = False
        self.pump()

    def stop(self, utterance: Utterance) -> None:
        """Give an utterance up, wherever it is; its `heard()` is then final."""
        if utterance.done.is_set():
            return
        if utterance is self._current:
            self._take_back()
            self._current = None
        elif utterance in self._waiting:
            self._waiting.remove(utterance)
        if utterance.task is not None:
            utterance.task.cancel()
        utterance.stopped = True
        self._finish(utterance)

    def stop_all(self) -> None:
        """Give up all that is being said and all that waits."""
        for utterance in [*self._waiting, *([self._current] if self._current else [])]:
            self.stop(utterance)
        self.paused = False

    def pump(self) -> None:
        """Keep the leg's buffer filled and notice what has been played; called on every poll and on new audio."""
        utterance = self._current
        if utterance is not None:
            utterance.account(self._leg.queued_bytes)
        if self.paused:
            return
        if utterance is None:
            if not self._waiting:
                return
            utterance = self._current = self._waiting.popleft()
        if self.caller_speaking and utterance.waits_for_caller:
            return
        self._fill(utterance)
        if utterance.all_written and self._leg.queued_bytes == 0:
            utterance.account(0)
            self._current = None
            self._finish(utterance)
            self.pump()

    def take(self, utterance: Utterance, pcm: bytes) -> None:
        """More audio of an utterance, at the leg's rate."""
        if utterance.first_audio_at is None:
            utterance.first_audio_at = self._loop.time()
        utterance.add_audio(pcm)
        if utterance is self.current:
            self.pump()

    def _fill(self, utterance: Utterance) -> None:
        while utterance.has_audio and (room := self._write_ahead - self._leg.queued_bytes) > 0:
            audio, queued = utterance.next_audio(room), self._leg.queued_bytes
            taken = self._leg.write(audio)
            if taken <= 0:
                return
            self.echo.played(audio[:taken], self._loop.time() + duration(queued, self._leg.sample_rate))
            utterance.wrote(taken)
            if utterance.started_at is None:
                utterance.started_at = self._loop.time()
                self._post(UtteranceStarted(utterance, utterance.started_at))

    def _take_back(self) -> None:
        if self._current is not None:
            self._current.account(self._leg.queued_bytes)
            self._current.take_back(self._leg.flush())
            self.echo.taken_back(self._loop.time())

    def _finish(self, utterance: Utterance) -> None:
        utterance.done.set()
        utterance.room.set()
        self._post(UtteranceDone(utterance))
