"""Asking a model to go on with an answer that broke off, so that nothing is said twice."""

from collections.abc import Sequence

from media.speech.interfaces import ChatMessage

_CONTINUE = "The connection broke while you were speaking. Continue exactly after your last word; repeat nothing."


def continued(messages: Sequence[ChatMessage], said: str) -> Sequence[ChatMessage]:
    """The conversation with what was said already and the request to go on after it."""
    return [*messages, ChatMessage("assistant", said), ChatMessage("system", _CONTINUE)]
