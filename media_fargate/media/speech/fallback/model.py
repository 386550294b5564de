"""A language model with others behind it."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

from media.speech.continuing import continued
from media.speech.fallback.chain import PATIENCE_SECONDS, Chain
from media.speech.interfaces import (
    ChatEvent,
    ChatFinished,
    ChatMessage,
    ChatModel,
    ProviderError,
    TextDelta,
    ToolCall,
    ToolSpec,
)
from media.speech.patience import in_time


class FallbackModel:
    """Streams one answer, whoever of the chain gives it."""

    def __init__(self, chain: Chain[ChatModel]) -> None:
        self._chain = chain

    async def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncIterator[ChatEvent]:
        """One answer. What was said when a provider failed is not said again, and its tools are not run twice.

        Raises ProviderError when every provider failed.
        """
        said, broke = "", False
        while True:
            model = await self._chain.current()
            asked = continued(messages, said) if said else messages
            try:
                async with aclosing(_whole_calls(model, asked, tools)) as events:
                    async for event in events:
                        if not isinstance(event, TextDelta):
                            yield event
                            continue
                        text = f" {event.text}" if broke and not said[-1:].isspace() else event.text
                        said, broke = said + text, False
                        yield TextDelta(text)
            except ProviderError as failure:
                self._chain.failed(failure, model)
                broke = bool(said)
            else:
                self._chain.succeeded()
                return

    async def close(self) -> None:
        """Close every model that was opened."""
        for model in self._chain.opened:
            await model.close()


async def _whole_calls(
    model: ChatModel, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]
) -> AsyncGenerator[ChatEvent, None]:
    """The model's events; its tool calls only once the answer is complete, for another model would ask for them too."""
    calls: list[ToolCall] = []
    stream = in_time(model.stream(messages, tools), PATIENCE_SECONDS, "language model")
    async with aclosing(stream) as events:
        async for event in events:
            if isinstance(event, ToolCall):
                calls.append(event)
                continue
            if isinstance(event, ChatFinished):
                for call in calls:
                    yield call
            yield event
