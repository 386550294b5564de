"""OpenAI, and any endpoint that speaks its protocol by its base URL."""

from typing import Any

from sovereign.completion.chat_completions import TIMEOUT_SECONDS, ChatCompletions, Dialect

__all__ = ["TIMEOUT_SECONDS", "OpenAICompletion"]

PROVIDER = "openai"
DIALECT = Dialect(
    PROVIDER,
    "https://api.openai.com/v1",
    without_reasoning=frozenset(
        {"gpt-5.6-luna", "gpt-5.6-terra", "gpt-5.6-sol", "gpt-5.4", "gpt-5.4-mini", "gpt-5.4-nano"}
    ),
)


class OpenAICompletion(ChatCompletions):
    """One model of OpenAI or of a compatible endpoint."""

    def __init__(self, **members: Any) -> None:
        super().__init__(DIALECT, **members)
