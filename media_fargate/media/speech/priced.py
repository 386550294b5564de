"""Providers that know what they cost: narrow wrappers that put a price on the figures of an adapter."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TypeVar, cast

from media.speech.interfaces import (
    ChatEvent,
    ChatFinished,
    ChatMessage,
    ChatModel,
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
    """The usage with its cost; one that is known already (a free provider's 0) stays."""
    if usage.cost_usd is not None or price is None:
        return usage
    return replace(usage, cost_usd=price.cost(usage))


class PricedModel:
    """A text model whose figures have a cost. One that finishes without figures cost an unknown sum."""

    def __init__(self, adapter: ChatModel, price: Price) -> None:
        self.adapter = adapter
        self._price = price

    async def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncIterator[ChatEvent]:
        """As the adapter's."""
        async with _closed_with(self.adapter.stream(messages, tools)) as events:
            async for event in events:
                if isinstance(event, ChatFinished) and event.usage.input_tokens > 0:
                    yield ChatFinished(priced(event.usage, self._price))
                else:
                    yield event

    async def close(self) -> None:
        """Close the adapter."""
        await self.adapter.close()


class PricedSynthesiser:
    """A voice whose figures have a cost; it counts the seconds spoken, which some are charged by."""

    def __init__(self, adapter: Synthesiser, price: Price) -> None:
        self.adapter = adapter
        self._price = price
        self._bytes = 0

    @property
    def sample_rate(self) -> int:
        """The adapter's."""
        return self.adapter.sample_rate

    async def stream(self, text: str) -> AsyncIterator[bytes]:
        """As the adapter's."""
        async with _closed_with(self.adapter.stream(text)) as audio:
            async for pcm in audio:
                self._bytes += len(pcm)
                yield pcm

    @property
    def usage(self) -> ProviderUsage:
        """The adapter's figures, with the seconds spoken and the cost."""
        seconds = self._bytes / _BYTES_PER_SAMPLE / self.sample_rate
        return priced(replace(self.adapter.usage, audio_seconds=round(seconds, 3)), self._price)

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
