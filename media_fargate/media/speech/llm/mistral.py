"""Mistral's chat completions, over its SDK."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

import httpx2
from mistralai.client import Mistral
from mistralai.client.errors import MistralError, NoResponseError, ResponseValidationError
from mistralai.client.models import CompletionChunk, DeltaMessage, TextChunk, UsageInfo

from media.speech.adapters import AdapterContext
from media.speech.failures import dropped, refused, timed_out, unreachable
from media.speech.interfaces import ChatEvent, ChatFinished, ChatMessage, ProviderUsage, TextDelta, ToolSpec
from media.speech.llm.chat_completions import PartialCalls, messages_on_the_wire, tools_on_the_wire
from media.speech.llm.mistral_messages import in_mistrals_order
from sovereign.catalog.llm import MistralLlm

PROVIDER = "mistral"
_SILENCE_SECONDS = 10.0


class MistralChat:
    """One model with one key. `base_url` replaces Mistral's own address."""

    def __init__(self, config: MistralLlm, api_key: str, base_url: str | None = None) -> None:
        self._config = config
        self._http = httpx2.AsyncClient()
        # the SDK sets a timeout with every request: its own beats the client's, and is none unless given
        patience = round(_SILENCE_SECONDS * 1000)
        self._client = Mistral(api_key=api_key, server_url=base_url, async_client=self._http, timeout_ms=patience)

    async def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncIterator[ChatEvent]:
        """Text as it comes, then the tool calls, then the figures. Raises BadKeyError, QuotaError, ProviderError."""
        calls, usage, finished = PartialCalls(PROVIDER), ProviderUsage(), False
        async with aclosing(self._chunks(messages, tools)) as chunks:
            async for chunk in chunks:
                usage = _usage(chunk.usage) or usage
                for choice in chunk.choices:
                    finished = finished or choice.finish_reason is not None
                    if text := _text(choice.delta):
                        yield TextDelta(text)
                    _collect(choice.delta, calls)
        if not finished:
            raise dropped(PROVIDER)
        for call in calls.complete():
            yield call
        yield ChatFinished(usage)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _chunks(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]
    ) -> AsyncGenerator[CompletionChunk, None]:
        wire: Any = messages_on_the_wire(in_mistrals_order(messages))
        offered: Any = {"tools": tools_on_the_wire(tools)} if tools else {}
        try:
            events = await self._client.chat.stream_async(
                model=self._config.model, messages=wire, temperature=self._config.sent_temperature, **offered
            )
            async with events:
                async for event in events:
                    yield event.data
        except ResponseValidationError:
            raise dropped(PROVIDER) from None
        except MistralError as failure:
            raise refused(PROVIDER, failure.status_code) from None
        except httpx2.TimeoutException:
            raise timed_out(PROVIDER) from None
        except httpx2.ConnectError:
            raise unreachable(PROVIDER) from None
        except (httpx2.HTTPError, NoResponseError, ValueError):  # an answer that is cut off, or no text
            raise dropped(PROVIDER) from None


def _usage(counted: UsageInfo | None) -> ProviderUsage | None:
    if counted is None:
        return None
    return ProviderUsage(input_tokens=counted.prompt_tokens or 0, output_tokens=counted.completion_tokens or 0)


def _text(delta: DeltaMessage) -> str:
    """What is to be said; a model's thoughts come as other kinds of chunk."""
    if isinstance(delta.content, str):
        return delta.content
    return "".join(chunk.text for chunk in delta.content or () if isinstance(chunk, TextChunk))


def _collect(delta: DeltaMessage, calls: PartialCalls) -> None:
    for call in delta.tool_calls or ():
        arguments = call.function.arguments
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        # the SDK spells an absent id as the word
        call_id = None if call.id == "null" else call.id
        calls.add(call.index or 0, call_id, call.function.name, text)


def open_adapter(config: MistralLlm, context: AdapterContext) -> MistralChat:
    """The adapter for a configuration, with the key and address to use."""
    return MistralChat(config, context.api_key, context.base_url)
