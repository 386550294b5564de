"""OpenAI's chat completions through its SDK, for OpenAI and for the vendors that document the same protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
import openai
from openai.types.chat import ChatCompletion as Answer

from sovereign.completion.interface import Completion, CompletionError, Prompt, TokenUsage

TIMEOUT_SECONDS = 25.0
MAX_OUTPUT_TOKENS = 8192


@dataclass(frozen=True)
class Dialect:
    """How one vendor speaks the protocol: `address` is its own, `limit` its name for the longest answer,
    `without_reasoning` the models that would otherwise think first, which a summary has no use for."""

    provider: str
    address: str
    limit: str = "max_completion_tokens"
    without_reasoning: frozenset[str] = frozenset()
    model_prefix: str = ""


class ChatCompletions:
    """One model of one vendor."""

    def __init__(
        self,
        dialect: Dialect,
        *,
        model: str,
        api_key: str,
        base_url: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        http_client: httpx2.Client | None = None,
    ) -> None:
        self._dialect = dialect
        self._model = model
        self._client = openai.OpenAI(
            api_key=api_key,
            base_url=base_url or dialect.address,
            timeout=timeout_seconds,
            max_retries=1,
            http_client=http_client,
        )

    def complete(self, messages: Sequence[Prompt], *, json_schema: Mapping[str, Any] | None = None) -> Completion:
        """Answer once. Raises CompletionError; a refused key or request is not retryable."""
        provider = self._dialect.provider
        try:
            answer = self._client.chat.completions.create(**self._request(messages, json_schema))
        except openai.APITimeoutError:
            raise CompletionError(provider, "no answer in time", retryable=True) from None
        except openai.APIConnectionError:
            raise CompletionError(provider, "could not be reached", retryable=True) from None
        except openai.APIStatusError as failure:
            raise _refusal(provider, failure.status_code) from None
        except (openai.OpenAIError, ValueError):
            raise CompletionError(provider, "gave an unreadable answer", retryable=True) from None
        return _completion(provider, answer)

    def _request(self, messages: Sequence[Prompt], json_schema: Mapping[str, Any] | None) -> dict[str, Any]:
        dialect = self._dialect
        request: dict[str, Any] = {
            "model": dialect.model_prefix + self._model,
            "messages": [{"role": m.role, "content": m.content} for m in messages],
            dialect.limit: MAX_OUTPUT_TOKENS,
        }
        if self._model in dialect.without_reasoning:
            request["reasoning_effort"] = "none"
        if json_schema is not None:
            # a customer's schema seldom obeys strict mode's rules; the caller validates the answer anyway
            described = {"name": "structured_data", "schema": dict(json_schema), "strict": False}
            request["response_format"] = {"type": "json_schema", "json_schema": described}
        return request


def _completion(provider: str, answer: Answer) -> Completion:
    """The SDK does not check what it parses: the answer may be a page of text, its members anything."""
    try:
        text: object = answer.choices[0].message.content if answer.choices else None
    except (AttributeError, LookupError, TypeError):
        raise CompletionError(provider, "gave an unreadable answer", retryable=True) from None
    if not isinstance(text, str) or not text:
        raise CompletionError(provider, "gave an empty answer", retryable=True)
    read, written = (getattr(answer.usage, name, None) for name in ("prompt_tokens", "completion_tokens"))
    if not (isinstance(read, int) and isinstance(written, int)):
        return Completion(text)
    return Completion(text, TokenUsage(read, written))


def _refusal(provider: str, status: int) -> CompletionError:
    if status in (401, 403):
        return CompletionError(provider, "refused the key", retryable=False)
    if status == 429:
        return CompletionError(provider, "refused for quota or rate", retryable=True)
    return CompletionError(provider, f"answered {status}", retryable=status >= 500)
