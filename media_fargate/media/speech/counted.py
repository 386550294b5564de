"""Vendors' text models whose answers are counted also when nobody hears their end."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Protocol, cast

from media.speech.failures import is_refusal
from media.speech.interfaces import (
    ChatEvent,
    ChatFinished,
    ChatMessage,
    ChatModel,
    ProviderError,
    ProviderUsage,
    ToolSpec,
)

__all__ = ["CountedModel", "ModelUsage"]


class ModelUsage(Protocol):
    """Where answers are counted (`CallFigures`)."""

    def add_model_usage(self, usage: ProviderUsage) -> None:
        """Count one answer."""


class CountedModel:
    """A model whose figures come with the end of an answer: one that is given up or breaks off cost an unknown sum, for
    the vendor charges for what was asked and made until then. One that is refused cost nothing."""

    def __init__(self, adapter: ChatModel, used: ModelUsage) -> None:
        self.adapter = adapter
        self._used = used

    async def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncIterator[ChatEvent]:
        """As the adapter's."""
        began = settled = False
        events = cast("AsyncGenerator[ChatEvent, None]", self.adapter.stream(messages, tools))
        try:
            async with aclosing(events):
                async for event in events:
                    began = True
                    settled = settled or isinstance(event, ChatFinished)
                    yield event
        except ProviderError as failure:
            settled = settled or (is_refusal(failure) and not began)
            raise
        finally:
            if not settled:
                self._used.add_model_usage(ProviderUsage())

    async def close(self) -> None:
        """Close the adapter."""
        await self.adapter.close()
