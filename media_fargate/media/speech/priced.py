"""Providers that know what they cost: narrow wrappers that put a price on the figures of an adapter."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TypeVar, cast

from media.speech.failures import is_refusal
from media.speech.interfaces import (
    ChatEvent,
    ChatFinished,
    ChatMessage,
    ChatModel,
    ProviderError,
    ProviderUsage,
    Recogniser,
    RecognitionSession,
    Synthesiser,
    ToolSpec,
    Transcript,
)
from sovereign.catalog.prices import Price

_BYTES_PER_SAMPLE = 2
Chunk = TypeVar("Chunk")


def priced(usage: ProviderUsage, price: Price | None) -> ProviderUsage:
    """The usage with its cost; one that is known already (a free provider's 0) stays. Where tokens are charged, what
    was used without any being told cost an unknown sum."""
    if usage.cost_usd is not None or price is None or _lacks_figures(usage, price):
        return usage
    return replace(usage, cost_usd=price.cost(usage))


def _lacks_figures(usage: ProviderUsage, price: Price) -> bool:
    return price.by_tokens and usage != ProviderUsage() and not _has_tokens(usage)


def _has_tokens(usage: ProviderUsage) -> bool:
    return usage.input_tokens > 0 and usage.output_tokens > 0


class PricedModel:
    """A text model whose figures have a cost. One that finishes without figures cost an unknown sum."""

    def __init__(self, adapter: ChatModel, price: Price) -> None:
        self.adapter = adapter
        self._price = price

    async def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncIterator[ChatEvent]:
        """As the adapter's."""
        async with _closed_with(self.adapter.stream(messages, tools)) as events:
            async for event in events:
                if isinstance(event, ChatFinished) and _has_tokens(event.usage):
                    yield ChatFinished(priced(event.usage, self._price))
                else:
                    yield event

    async def close(self) -> None:
        """Close the adapter."""
        await self.adapter.close()


class PricedSynthesiser:
    """A vendor's voice whose figures have a cost, unknown without a price. It counts the characters of the sentences
    the vendor took, refused ones left out, and the seconds spoken. Of a sentence that was given up only the characters
    are known: by what else a vendor charges, the cost is unknown then."""

    def __init__(self, adapter: Synthesiser, price: Price | None) -> None:
        self.adapter = adapter
        self._price = price
        self._bytes = self._characters = 0
        self._gave_up = False

    @property
    def sample_rate(self) -> int:
        """The adapter's."""
        return self.adapter.sample_rate

    async def stream(self, text: str) -> AsyncIterator[bytes]:
        """As the adapter's."""
        began = complete = False
        self._characters += len(text)
        try:
            async with _closed_with(self.adapter.stream(text)) as audio:
                async for pcm in audio:
                    began = True
                    self._bytes += len(pcm)
                    yield pcm
            complete = True
        except ProviderError as failure:
            if is_refusal(failure) and not began:
                complete = True
                self._characters -= len(text)
            raise
        finally:
            self._gave_up |= not complete

    @property
    def usage(self) -> ProviderUsage:
        """The adapter's tokens, the characters and seconds counted here, and the cost."""
        seconds = round(self._bytes / _BYTES_PER_SAMPLE / self.sample_rate, 3)
        used = replace(self.adapter.usage, characters=self._characters, audio_seconds=seconds)
        known = self._price is not None and (self._price.characters is not None or not self._gave_up)
        return priced(used, self._price if known else None)

    async def close(self) -> None:
        """Close the adapter."""
        await self.adapter.close()


class PricedRecogniser:
    """A recogniser whose streams' figures have a cost."""

    def __init__(self, adapter: Recogniser, price: Price) -> None:
        self.adapter = adapter
        self._price = price

    async def open(self, sample_rate: int) -> RecognitionSession:
        """As the adapter's."""
        return _PricedSession(await self.adapter.open(sample_rate), self._price)


class _PricedSession:
    def __init__(self, session: RecognitionSession, price: Price) -> None:
        self._session = session
        self._price = price

    async def feed(self, pcm: bytes) -> None:
        await self._session.feed(pcm)

    async def finalise(self) -> str:
        return await self._session.finalise()

    def transcripts(self) -> AsyncIterator[Transcript]:
        return self._session.transcripts()

    @property
    def usage(self) -> ProviderUsage:
        return priced(self._session.usage, self._price)

    async def close(self) -> None:
        await self._session.close()


def _closed_with(stream: AsyncIterator[Chunk]) -> "aclosing[AsyncGenerator[Chunk, None]]":
    """Close the adapter's stream at once when ours is given up, not when it is collected."""
    return aclosing(cast("AsyncGenerator[Chunk, None]", stream))
