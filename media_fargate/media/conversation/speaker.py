"""The agent's voice: turns sentences into audio ahead of time and keeps the leg's own buffer short and filled."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing

from media.audio.levels import size
from media.audio.resample import StreamResampler
from media.conversation.context import Context
from media.conversation.events import SpeakingFailed, UtteranceDone, UtteranceStarted
from media.conversation.sentences import Pronunciation
from media.conversation.streams import chunks_in_time
from media.conversation.utterance import Utterance
from media.speech.interfaces import ProviderError, Synthesiser
from media.telephony.leg import CallLeg

WRITE_AHEAD_SECONDS = 0.3
"""Audio kept in the leg's buffer: enough to ride out a stalled loop, little enough that nothing else is needed."""
AUDIO_TIMEOUT_SECONDS = 10.0


class Speaker:
    """Plays utterances one after another. All methods run on the event loop and none but the tasks it starts waits.

    `caller_speaking` keeps an interruptible utterance from beginning; `pause` stops one that has begun.
    """

    def __init__(
        self,
        leg: CallLeg,
        synthesiser: Synthesiser,
        pronunciation: Pronunciation,
        context: Context,
    ) -> None:
        self._leg = leg
        self._synthesiser = synthesiser
        self._pronunciation = pronunciation
        self._figures = context.figures
        self._spawn = context.spawn
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

    def prepare(self, *, interruptible: bool = True) -> Utterance:
        """A new utterance whose audio is made at once but not played before `release`."""
        utterance = Utterance(self._leg.sample_rate, interruptible=interruptible)
        utterance.task = self._spawn(self._synthesise(utterance))
        return utterance

    def release(self, utterance: Utterance) -> None:
        """Let an utterance be played after those released before it."""
        if not utterance.done.is_set():
            self._waiting.append(utterance)
            self.pump()

    def say(self, *sentences: str, interruptible: bool = True) -> Utterance:
        """Speak these sentences after what is being said."""
        utterance = self.prepare(interruptible=interruptible)
        for sentence in sentences:
            utterance.say(sentence)
        utterance.finish()
        self.release(utterance)
        return utterance

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
        if utterance.started_at is None and utterance.interruptible and self.caller_speaking:
            return
        self._fill(utterance)
        if utterance.all_written and self._leg.queued_bytes == 0:
            utterance.account(0)
            self._current = None
            self._finish(utterance)
            self.pump()

    def _fill(self, utterance: Utterance) -> None:
        while utterance.has_audio and (room := self._write_ahead - self._leg.queued_bytes) > 0:
            taken = self._leg.write(utterance.next_audio(room))
            if taken <= 0:
                return
            utterance.wrote(taken)
            if utterance.started_at is None:
                utterance.started_at = self._loop.time()
                self._post(UtteranceStarted(utterance, utterance.started_at))

    def _take_back(self) -> None:
        if self._current is not None:
            self._current.account(self._leg.queued_bytes)
            self._current.take_back(self._leg.flush())

    def _finish(self, utterance: Utterance) -> None:
        utterance.done.set()
        utterance.room.set()
        self._post(UtteranceDone(utterance))

    async def _synthesise(self, utterance: Utterance) -> None:
        try:
            while (sentence := await utterance.sentences.get()) is not None:
                utterance.begin_sentence(sentence)
                await self._voice(utterance, self._pronunciation.apply(sentence))
                utterance.end_sentence()
        except ProviderError as failure:
            utterance.failed = True
            self._post(SpeakingFailed(utterance, failure))
        utterance.complete_audio()
        self.pump()

    async def _voice(self, utterance: Utterance, text: str) -> None:
        """Make a sentence's audio; on a failure once more, without what has been made already."""
        delivered = 0
        for attempt in range(2):
            try:
                async with aclosing(self._audio(text, skip=delivered)) as audio:
                    async for pcm in audio:
                        delivered += len(pcm)
                        self._take(utterance, pcm)
                        await utterance.wait_for_room()
                return
            except ProviderError as failure:
                self._figures.errors.append(str(failure))
                if attempt or not failure.retryable:
                    raise
                self._figures.provider_retries += 1

    async def _audio(self, text: str, *, skip: int) -> AsyncGenerator[bytes, None]:
        """A sentence's audio at the leg's rate, without its first `skip` bytes."""
        resampler = StreamResampler(self._synthesiser.sample_rate, self._leg.sample_rate)
        stream = chunks_in_time(self._synthesiser.stream(text), AUDIO_TIMEOUT_SECONDS, "synthesiser")
        async with aclosing(stream):
            async for chunk in stream:
                pcm = resampler.push(chunk)
                skip, pcm = max(0, skip - len(pcm)), pcm[skip:]
                if pcm:
                    yield pcm
        if pcm := resampler.flush()[skip:]:
            yield pcm

    def _take(self, utterance: Utterance, pcm: bytes) -> None:
        if utterance.first_audio_at is None:
            utterance.first_audio_at = self._loop.time()
        utterance.add_audio(pcm)
        if utterance is self.current:
            self.pump()
