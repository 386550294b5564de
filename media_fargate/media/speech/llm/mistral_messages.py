"""A conversation in the order Mistral takes it (its `mistral-common`, validation of requests). No SDK in here."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace

from media.speech.interfaces import ChatMessage

_SILENT = ChatMessage("assistant", "Okay.")
"""After a tool's result the model has the word; here it said nothing."""
_YOUR_TURN = "It is your turn to speak."
_CALL_ID = re.compile(r"[a-zA-Z0-9]{9}")


def in_mistrals_order(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """The conversation with system messages at its head only, an answer after each tool, and the caller's turn last."""
    head = next((place for place, message in enumerate(messages) if message.role != "system"), len(messages))
    ordered = list(messages[:head])
    for message in map(_taken, messages[head:]):
        if message.role == "user" and ordered and ordered[-1].role == "tool":
            ordered.append(_SILENT)
        ordered.append(message)
    if ordered and ordered[-1].role == "assistant":
        ordered.append(_note(_YOUR_TURN))
    return ordered


def _taken(message: ChatMessage) -> ChatMessage:
    if message.role == "system":
        return _note(message.content)
    if message.role == "tool":
        return replace(message, tool_call_id=_call_id(message.tool_call_id or ""))
    return replace(message, tool_calls=[replace(call, id=_call_id(call.id)) for call in message.tool_calls])


def _note(text: str) -> ChatMessage:
    # a system message is refused after an answer: within the conversation it is marked as what it is
    return ChatMessage("user", f"[System note: {text}]")


def _call_id(given: str) -> str:
    """The id as Mistral's own are; another vendor's becomes the same one in the call and in its result."""
    return given if _CALL_ID.fullmatch(given) else hashlib.sha256(given.encode()).hexdigest()[:9]
