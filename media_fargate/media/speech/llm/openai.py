"""OpenAI's chat completions, and every service that speaks the same protocol."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from media.speech.adapters import AdapterContext
from media.speech.failures import dropped
from media.speech.interfaces import (
    ChatEvent,
    ChatFinished,
    ChatMessage,
    ProviderError,
    ProviderUsage,
    TextDelta,
    ToolCall,
    ToolSpec,
)
from media.speech.openai_api import ERRORS, PROVIDER, as_provider_error, client
from sovereign.catalog.llm import OpenAiLlm


class OpenAIChat:
    """One model with one key. `base_url` replaces OpenAI's own address (".../v1")."""

    def __init__(self, config: OpenAiLlm, api_key: str, base_url: str | None = None, *, guarded: bool = False) -> None:
        self._config = config
        self._client = client(api_key, base_url, guarded=guarded)

    async def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncIterator[ChatEvent]:
        """Text as it comes, then the tool calls, then the figures. Raises BadKeyError, QuotaError, ProviderError."""
        calls: dict[int, _PartialCall] = {}
        usage = ProviderUsage()
        finished = False
        try:
            async with await self._client.chat.completions.create(**self._request(messages, tools)) as chunks:
                async for chunk in chunks:
                    if chunk.usage:
                        usage = ProviderUsage(
                            input_tokens=chunk.usage.prompt_tokens, output_tokens=chunk.usage.completion_tokens
                        )
                    for choice in chunk.choices:
                        finished = finished or choice.finish_reason is not None
                        if choice.delta.content:
                            yield TextDelta(choice.delta.content)
                        for delta in choice.delta.tool_calls or ():
                            calls.setdefault(delta.index, _PartialCall()).add(delta)
        except ERRORS as failure:
            raise as_provider_error(failure) from None
        if not finished:
            raise dropped(PROVIDER)
        for index in sorted(calls):
            yield calls[index].complete()
        yield ChatFinished(usage)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _request(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> dict[str, Any]:
        request: dict[str, Any] = {
            "model": self._config.model,
            "messages": [_message(message) for message in messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": self._config.temperature,
        }
        if self._config.max_completion_tokens is not None:
            request["max_completion_tokens"] = self._config.max_completion_tokens
        if self._config.reasoning_effort is not None:
            request["reasoning_effort"] = self._config.reasoning_effort
        if tools:
            request["tools"] = [_tool(tool) for tool in tools]
        return request


@dataclass
class _PartialCall:
    """A tool call whose arguments arrive in pieces of JSON text."""

    id: str = ""
    name: str = ""
    arguments: str = ""

    def add(self, delta: Any) -> None:
        self.id = delta.id or self.id
        if delta.function:
            self.name += delta.function.name or ""
            self.arguments += delta.function.arguments or ""

    def complete(self) -> ToolCall:
        try:
            arguments = json.loads(self.arguments or "{}")
        except ValueError:
            arguments = None
        if not isinstance(arguments, dict) or not self.name:
            raise ProviderError(PROVIDER, "sent a tool call that is not valid JSON", retryable=True)
        return ToolCall(self.id, self.name, arguments)


def _message(message: ChatMessage) -> Mapping[str, Any]:
    if message.role == "tool":
        return {"role": "tool", "content": message.content, "tool_call_id": message.tool_call_id}
    if not message.tool_calls:
        return {"role": message.role, "content": message.content}
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(dict(call.arguments))},
        }
        for call in message.tool_calls
    ]
    return {"role": message.role, "content": message.content or None, "tool_calls": calls}


def _tool(tool: ToolSpec) -> Mapping[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def open_adapter(config: OpenAiLlm, context: AdapterContext) -> OpenAIChat:
    """The adapter for a configuration, with the key and address to use."""
    return OpenAIChat(config, context.api_key, context.base_url, guarded=context.guarded)
