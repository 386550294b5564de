"""A voice with others behind it."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from media.audio.resample import StreamResampler
from media.speech.fallback.chain import PATIENCE_SECONDS, Chain
from media.speech.interfaces import NOTHING_USED, ProviderError, ProviderUsage, Synthesiser
from media.speech.patience import in_time


class FallbackVoice:
    """Speaks sentences, whoever of the chain does; always at the rate of the voice it began with."""

    def __init__(self, chain: Chain[Synthesiser], sample_rate: int) -> None:
        self._chain = chain
        self._rate = sample_rate

    @classmethod
    async def opened(cls, chain: Chain[Synthesiser]) -> "FallbackVoice":
        """With its first voice open, whose rate it takes. Raises ProviderError."""
        return cls(chain, (await chain.current()).sample_rate)

    @property
    def sample_rate(self) -> int:
        """Of the first voice that opened."""
        return self._rate

    async def stream(self, text: str) -> AsyncIterator[bytes]:
        """One sentence; a voice that takes it over leaves out as much of it as was spoken.

        Raises ProviderError when every voice failed.
        """
        spoken = 0
        while True:
            skip = spoken
            voice = await self._chain.current()
            try:
                async with aclosing(self._at_own_rate(voice, text)) as audio:
                    async for pcm in audio:
                        skip, rest = max(0, skip - len(pcm)), pcm[skip:]
                        if rest:
                            spoken += len(rest)
                            yield rest
            except ProviderError as failure:
                self._chain.failed(failure, voice)
            else:
                self._chain.succeeded()
                return

    @property
    def usage(self) -> ProviderUsage:
        """Of all voices together."""
        return sum((voice.usage for voice in self._chain.opened), NOTHING_USED)

    async def close(self) -> None:
        """Close every voice that was opened."""
        for voice in self._chain.opened:
            await voice.close()

    async def _at_own_rate(self, voice: Synthesiser, text: str) -> AsyncGenerator[bytes, None]:
        resampler = StreamResampler(voice.sample_rate, self._rate)
        async with aclosing(in_time(voice.stream(text), PATIENCE_SECONDS, "voice")) as audio:
            async for chunk in audio:
                if pcm := resampler.push(chunk):
                    yield pcm
        if pcm := resampler.flush():
            yield pcm
