"""Answers of vendors' models that nobody hears the end of."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from media.conversation.figures import CallFigures
from media.speech.counted import CountedModel
from media.speech.failures import dropped, refused
from media.speech.fallback.opener import FallbackOpener
from media.speech.interfaces import (
    ChatEvent,
    ChatFinished,
    ChatMessage,
    ProviderError,
    ProviderUsage,
    TextDelta,
    ToolSpec,
)
from sovereign.catalog.fallbacks import Fallbacks, parse_fallbacks
from sovereign.catalog.llm import LocalLlm, OpenAiLlm

FINISHED = ChatFinished(ProviderUsage(input_tokens=10, output_tokens=5, cost_usd=0.001))


class Answers:
    """Does what it was told, in order."""

    def __init__(self, *script: ChatEvent | ProviderError) -> None:
        self._script = script

    async def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncIterator[ChatEvent]:
        for step in self._script:
            if isinstance(step, ProviderError):
                raise step
            yield step

    async def close(self) -> None:
        pass


async def heard(*script: ChatEvent | ProviderError, events: int = 9) -> CallFigures:
    """The figures after so many events of an answer were taken."""
    figures = CallFigures()
    stream: Any = CountedModel(Answers(*script), figures).stream([], [])
    try:
        for _ in range(events):
            await anext(stream)
    except (ProviderError, StopAsyncIteration):
        pass
    await stream.aclose()
    return figures


async def test_an_answer_that_is_given_up_cost_an_unknown_sum() -> None:
    assert (await heard(TextDelta("We are"), TextDelta(" open"), FINISHED, events=1)).model.cost_usd is None


@pytest.mark.parametrize(
    "script", [[dropped("x")], [TextDelta("We"), dropped("x")], [TextDelta("We"), refused("x", 500)]]
)
async def test_an_answer_that_breaks_off_cost_an_unknown_sum(script: list[Any]) -> None:
    assert (await heard(*script)).model.cost_usd is None


async def test_an_answer_that_ends_without_its_end_cost_an_unknown_sum() -> None:
    assert (await heard(TextDelta("We"))).model.cost_usd is None


@pytest.mark.parametrize(
    "script", [[refused("x", 401)], [refused("x", 429)], [refused("x", 503)], [TextDelta("We"), FINISHED]]
)
async def test_what_is_refused_or_told_its_figures_is_not_counted_again(script: list[Any]) -> None:
    assert (await heard(*script)).model == CallFigures().model


async def test_what_was_never_asked_cost_nothing() -> None:
    assert (await heard(FINISHED, events=0)).model.cost_usd == 0.0


class Opened:
    async def chat_model(self, config: Any) -> Any:
        return Answers(TextDelta("We"), FINISHED)


@pytest.mark.parametrize("fallbacks", ["{}", '{"llm": [{"provider": "xai", "model": "grok-4.3"}]}'])
@pytest.mark.parametrize(
    ("config", "cost"),
    [(OpenAiLlm(provider="openai", model="gpt-4o"), None), (LocalLlm(provider="local", model="intents"), 0.0)],
)
async def test_a_call_counts_what_its_vendors_began_and_its_own_model_is_free(
    config: Any, cost: float | None, fallbacks: str
) -> None:
    figures = CallFigures()
    opener: Any = FallbackOpener(Opened(), parse_fallbacks(fallbacks) or Fallbacks(), figures)  # type: ignore[arg-type]
    stream: Any = (await opener.chat_model(config)).stream([], [])
    await anext(stream)
    await stream.aclose()
    assert figures.model.cost_usd == cost
