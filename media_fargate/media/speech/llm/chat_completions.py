"""The chat completions of OpenAI as a wire format, which other vendors' models speak as well. No SDK in here."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from media.speech.interfaces import ChatMessage, ProviderError, ToolCall, ToolSpec


def messages_on_the_wire(messages: Sequence[ChatMessage]) -> list[Mapping[str, Any]]:
    """The conversation as the protocol spells it."""
    return [_message(message) for message in messages]


def tools_on_the_wire(tools: Sequence[ToolSpec]) -> list[Mapping[str, Any]]:
    """The tools as the protocol spells them."""
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)},
        }
        for tool in tools
    ]


@dataclass
class PartialCalls:
    """The tool calls of one answer, whose arguments arrive in pieces of JSON text."""

    provider: str
    _calls: dict[int, "_PartialCall"] = field(default_factory=dict)

    def add(self, index: int, call_id: str | None, name: str | None, arguments: str | None) -> None:
        """One piece; those of a call share its index."""
        call = self._calls.setdefault(index, _PartialCall())
        call.id = call_id or call.id
        call.name += name or ""
        call.arguments += arguments or ""

    def complete(self) -> Iterator[ToolCall]:
        """The calls in order. Raises ProviderError for one that cannot be read."""
        for _, call in sorted(self._calls.items()):
            yield call.complete(self.provider)


@dataclass
class _PartialCall:
    id: str = ""
    name: str = ""
    arguments: str = ""

    def complete(self, provider: str) -> ToolCall:
        try:
            arguments = json.loads(self.arguments or "{}")
        except ValueError:
            arguments = None
        if not isinstance(arguments, dict) or not self.name:
            raise ProviderError(provider, "sent a tool call that is not valid JSON", retryable=True)
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
