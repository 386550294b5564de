"""A conversation as Gemini takes it: instructions apart, turns of `user` and `model`, tools by name. No SDK in here."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from media.speech.interfaces import ChatMessage, ToolSpec

_OPENING = "(The call has been connected.)"
"""A conversation begins with the user here; who answers a call may speak first."""
_NO_SIGNATURE = "skip_thought_signature_validator"
"""What Google documents for a call that another model made."""


def instructions_of(messages: Sequence[ChatMessage]) -> str | None:
    """The system messages at the head."""
    return "\n\n".join(message.content for message in messages[: _head(messages)]) or None


def contents_of(messages: Sequence[ChatMessage], signatures: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """The rest as turns; `signatures` are those the model gave its tool calls, by our ids."""
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    contents: list[dict[str, Any]] = []
    for message in messages[_head(messages) :]:
        role = "model" if message.role == "assistant" else "user"
        parts = _parts(message, names, signatures)
        if contents and contents[-1]["role"] == role:
            contents[-1]["parts"] += parts
        elif parts:
            contents.append({"role": role, "parts": parts})
    if not contents or contents[0]["role"] == "model":
        contents.insert(0, {"role": "user", "parts": [{"text": _OPENING}]})
    return contents


def declarations_of(tools: Sequence[ToolSpec]) -> list[dict[str, Any]]:
    """The tools as function declarations."""
    return [
        {"name": tool.name, "description": tool.description, "parameters_json_schema": dict(tool.parameters)}
        for tool in tools
    ]


def _head(messages: Sequence[ChatMessage]) -> int:
    return next((place for place, message in enumerate(messages) if message.role != "system"), len(messages))


def _parts(message: ChatMessage, names: Mapping[str, str], signatures: Mapping[str, bytes]) -> list[dict[str, Any]]:
    if message.role == "tool":
        name = names.get(message.tool_call_id or "", "")
        return [{"function_response": {"name": name, "response": _result(message.content)}}]
    # there is no system turn within the conversation: a note is marked as what it is
    text = f"[System note: {message.content}]" if message.role == "system" else message.content
    parts: list[dict[str, Any]] = [{"text": text}] if text else []
    for place, call in enumerate(message.tool_calls):
        part: dict[str, Any] = {"function_call": {"name": call.name, "args": dict(call.arguments)}}
        if signature := signatures.get(call.id):
            part["thought_signature"] = signature
        elif place == 0:  # only the first of several calls carries one
            part["thought_signature"] = _NO_SIGNATURE.encode()
        parts.append(part)
    return parts


def _result(content: str) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except ValueError:
        return {"output": content}
    return value if isinstance(value, dict) else {"output": value}
