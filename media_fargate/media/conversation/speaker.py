"""The agent's voice: turns sentences into audio ahead of time and plays it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from media.audio.resample import StreamResampler
from media.conversation.context import Context
from media.conversation.events import SpeakingFailed
from media.conversation.playout import Playout
from media.conversation.sentences import Pronunciation
from media.conversation.streams import chunks_in_time
from media.conversation.utterance import Utterance
from media.speech.interfaces import ProviderError, Synthesiser
from media.telephony.leg import CallLeg

AUDIO_TIMEOUT_SECONDS = 10.0


class Speaker(Playout):
    """Plays utterances whose audio it has a synthesiser make. None of its methods but the tasks it starts waits."""

    def __init__(
        self,
        leg: CallLeg,
        synthesiser: Synthesiser,
        pronunciation: Pronunciation,
        context: Context,
    ) -> None:
        super().__init__(leg, context)
        self._synthesiser = synthesiser
        self._pronunciation = pronunciation
        self._figures = context.figures
        self._spawn = context.spawn

    def prepare(self, *, interruptible: bool = True) -> Utterance:
        """A new utterance whose audio is made at once but not played before `release`."""
        utterance = Utterance(self._leg.sample_rate, interruptible=interruptible)
        utterance.task = self._spawn(self._synthesise(utterance, self._synthesiser))
        return utterance

    def use(self, synthesiser: Synthesiser) -> None:
        """Speak with another voice; what was begun stays in the voice it was begun in."""
        self._synthesiser = synthesiser

    def say(self, *sentences: str, interruptible: bool = True) -> Utterance:
        """Speak these sentences after what is being said."""
        utterance = self.prepare(interruptible=interruptible)
        for sentence in sentences:
            utterance.say(sentence)
        utterance.finish()
        self.release(utterance)
        return utterance

    async def _synthesise(self, utterance: Utterance, voice: Synthesiser) -> None:
        try:
            while (sentence := await utterance.sentences.get()) is not None:
                utterance.begin_sentence(sentence)
                await self._voice(utterance, self._pronunciation.apply(sentence), voice)
                utterance.end_sentence()
        except ProviderError as failure:
            utterance.failed = True
            self._post(SpeakingFailed(utterance, failure))
        utterance.complete_audio()
        self.pump()

    async def _voice(self, utterance: Utterance, text: str, voice: Synthesiser) -> None:
        """Make a sentence's audio; on a failure once more, without what has been made already."""
        delivered = 0
        for attempt in range(2):
            try:
                async with aclosing(self._audio(text, voice, skip=delivered)) as audio:
                    async for pcm in audio:
                        delivered += len(pcm)
                        self.take(utterance, pcm)
                        await utterance.wait_for_room()
                return
            except ProviderError as failure:
                self._figures.errors.append(str(failure))
                if attempt or not failure.retryable:
                    raise
                self._figures.provider_retries += 1

    async def _audio(self, text: str, voice: Synthesiser, *, skip: int) -> AsyncGenerator[bytes, None]:
        """A sentence's audio at the leg's rate, without its first `skip` bytes."""
        resampler = StreamResampler(voice.sample_rate, self._leg.sample_rate)
        stream = chunks_in_time(voice.stream(text), AUDIO_TIMEOUT_SECONDS, "synthesiser")
        async with aclosing(stream):
            async for chunk in stream:
                pcm = resampler.push(chunk)
                skip, pcm = max(0, skip - len(pcm)), pcm[skip:]
                if pcm:
                    yield pcm
        if pcm := resampler.flush()[skip:]:
            yield pcm
