"""OpenAI chat completions through the official SDK; any endpoint that speaks the same protocol by its base URL."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx2
import openai
from openai.types.chat import ChatCompletion as Answer

from sovereign.completion.interface import Completion, CompletionError, Prompt, TokenUsage

PROVIDER = "openai"
TIMEOUT_SECONDS = 25.0
MAX_OUTPUT_TOKENS = 8192
_NO_REASONING = ("gpt-5.6-luna", "gpt-5.6-terra", "gpt-5.6-sol", "gpt-5.4", "gpt-5.4-mini", "gpt-5.4-nano")
"""Models that take `reasoning_effort: none` (catalogue), which a summary has no use for."""


class OpenAICompletion:
    """One model of OpenAI or of a compatible endpoint."""

    def __init__(
        self,
        *,
        model: str,
        api_key: str,
        base_url: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        http_client: httpx2.Client | None = None,
    ) -> None:
        self._model = model
        self._client = openai.OpenAI(
            api_key=api_key,
            base_url=base_url or "https://api.openai.com/v1",
            timeout=timeout_seconds,
            max_retries=1,
            http_client=http_client,
        )

    def complete(self, messages: Sequence[Prompt], *, json_schema: Mapping[str, Any] | None = None) -> Completion:
        """Answer once. Raises CompletionError; a refused key or request is not retryable."""
        try:
            answer = self._client.chat.completions.create(**self._request(messages, json_schema))
        except openai.APITimeoutError:
            raise CompletionError(PROVIDER, "no answer in time", retryable=True) from None
        except openai.APIConnectionError:
            raise CompletionError(PROVIDER, "could not be reached", retryable=True) from None
        except openai.APIStatusError as failure:
            raise _refusal(failure.status_code) from None
        except (openai.OpenAIError, ValueError):
            raise CompletionError(PROVIDER, "gave an unreadable answer", retryable=True) from None
        return _completion(answer)

    def _request(self, messages: Sequence[Prompt], json_schema: Mapping[str, Any] | None) -> dict[str, Any]:
        request: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": m.role, "content": m.content} for m in messages],
            "max_completion_tokens": MAX_OUTPUT_TOKENS,
        }
        if self._model in _NO_REASONING:
            request["reasoning_effort"] = "none"
        if json_schema is not None:
            # a customer's schema seldom obeys strict mode's rules; the caller validates the answer anyway
            described = {"name": "structured_data", "schema": dict(json_schema), "strict": False}
            request["response_format"] = {"type": "json_schema", "json_schema": described}
        return request


def _completion(answer: Answer) -> Completion:
    text = answer.choices[0].message.content if answer.choices else None
    if not text:
        raise CompletionError(PROVIDER, "gave an empty answer", retryable=True)
    usage = answer.usage
    return Completion(text, TokenUsage(usage.prompt_tokens, usage.completion_tokens) if usage else TokenUsage())


def _refusal(status: int) -> CompletionError:
    if status in (401, 403):
        return CompletionError(PROVIDER, "refused the key", retryable=False)
    if status == 429:
        return CompletionError(PROVIDER, "refused for quota or rate", retryable=True)
    return CompletionError(PROVIDER, f"answered {status}", retryable=status >= 500)
