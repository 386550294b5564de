"""The interface every completion vendor implements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol


class CompletionError(Exception):
    """A completion failed. The message is fit for a customer: no key, no prompt, no answer in it."""

    def __init__(self, provider: str, message: str, *, retryable: bool) -> None:
        super().__init__(f"{provider}: {message}")
        self.provider = provider
        self.retryable = retryable


@dataclass(frozen=True)
class Prompt:
    """One message to the model."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class TokenUsage:
    """Tokens read and written; 0 for a model that has none."""

    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True)
class Completion:
    """The model's answer."""

    text: str
    usage: TokenUsage = field(default_factory=TokenUsage)


class ChatCompletion(Protocol):
    """A model that answers once. Blocking; meant for a Lambda, not for a call."""

    def complete(self, messages: Sequence[Prompt], *, json_schema: Mapping[str, Any] | None = None) -> Completion:
        """Answer the messages; with `json_schema` the text is meant to be JSON of that shape (the caller checks it).

        Raises CompletionError.
        """
