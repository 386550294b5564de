"""OpenAI's chat completions, and every service that speaks the same protocol."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from media.speech.adapters import AdapterContext
from media.speech.interfaces import ChatEvent, ChatMessage, ToolSpec
from media.speech.llm.chat_completions import messages_on_the_wire, tools_on_the_wire
from media.speech.openai_api import PROVIDER, client, streamed_chat
from sovereign.catalog.llm import OpenAiLlm

__all__ = ["PROVIDER", "OpenAIChat", "open_adapter"]


class OpenAIChat:
    """One model with one key. `base_url` replaces OpenAI's own address (".../v1")."""

    def __init__(self, config: OpenAiLlm, api_key: str, base_url: str | None = None, *, guarded: bool = False) -> None:
        self._config = config
        self._client = client(api_key, base_url, guarded=guarded)

    def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncIterator[ChatEvent]:
        """Text as it comes, then the tool calls, then the figures. Raises BadKeyError, QuotaError, ProviderError."""
        return streamed_chat(self._client, self._request(messages, tools))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _request(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> dict[str, Any]:
        request: dict[str, Any] = {"model": self._config.model, "messages": messages_on_the_wire(messages)}
        if self._config.sent_temperature is not None:
            request["temperature"] = self._config.sent_temperature
        if self._config.max_completion_tokens is not None:
            request["max_completion_tokens"] = self._config.max_completion_tokens
        if self._config.reasoning_effort is not None:
            request["reasoning_effort"] = self._config.reasoning_effort
        if tools:
            request["tools"] = tools_on_the_wire(tools)
        return request


def open_adapter(config: OpenAiLlm, context: AdapterContext) -> OpenAIChat:
    """The adapter for a configuration, with the key and address to use."""
    return OpenAIChat(config, context.api_key, context.base_url, guarded=context.guarded)
