"""Gemini on Vertex AI, over `google-genai`."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

from google.genai import types

from media.speech.adapters import AdapterContext
from media.speech.failures import dropped, withheld
from media.speech.google_api import ERRORS, PROVIDER, GenaiConnection, as_provider_error, silence_seconds
from media.speech.interfaces import (
    ChatEvent,
    ChatFinished,
    ChatMessage,
    Progress,
    ProviderError,
    ProviderUsage,
    TextDelta,
    ToolCall,
    ToolSpec,
)
from media.speech.llm.gemini_contents import contents_of, declarations_of, instructions_of
from media.speech.patience import in_time
from sovereign.catalog.llm import GoogleLlm
from sovereign.kernel.ids import new_id

_SAID_ALL = {types.FinishReason.STOP, types.FinishReason.MAX_TOKENS}
"""Any other end (`SAFETY` and its like) took something away."""


class GeminiChat:
    """One model with one service account. `base_url` replaces Vertex AI's own address."""

    def __init__(self, config: GoogleLlm, key: str, base_url: str | None = None) -> None:
        """Raises BadKeyError for a key that is no service account's."""
        self._config = config
        self._connection = GenaiConnection.to_vertex(key, config.vertex_location, base_url)
        self._signatures: dict[str, bytes] = {}

    async def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncIterator[ChatEvent]:
        """Text and tool calls as they come, then the figures. Raises BadKeyError, QuotaError, ProviderError."""
        usage, spoke = ProviderUsage(), False
        finish: types.FinishReason | None = None
        try:
            async with aclosing(in_time(self._answers(messages, tools), silence_seconds(), PROVIDER)) as answers:
                async for answer in answers:
                    usage = _usage(answer.usage_metadata) or usage
                    finish = _finish(answer) or finish
                    for part in _parts(answer):
                        if event := self._event(part):
                            spoke = spoke or not isinstance(event, Progress)
                            yield event
        except ERRORS as failure:
            raise as_provider_error(failure) from None
        if finish is None:
            raise dropped(PROVIDER)
        if finish not in _SAID_ALL and not spoke:
            raise withheld(PROVIDER)
        yield ChatFinished(usage)

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    async def _answers(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]
    ) -> AsyncGenerator[types.GenerateContentResponse, None]:
        contents: Any = contents_of(messages, self._signatures)
        answers = await self._connection.client.aio.models.generate_content_stream(
            model=self._config.model, contents=contents, config=self._settings(messages, tools)
        )
        async for answer in answers:
            yield answer

    def _settings(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> types.GenerateContentConfig:
        offered: Any = [{"function_declarations": declarations_of(tools)}] if tools else None
        return types.GenerateContentConfig(
            system_instruction=instructions_of(messages),
            temperature=self._config.temperature,
            max_output_tokens=self._config.max_completion_tokens,
            tools=offered,
            thinking_config=_as_little_as_possible(self._config.model),
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        )

    def _event(self, part: types.Part) -> ChatEvent | None:
        if part.function_call:
            call = ToolCall(
                part.function_call.id or new_id(), part.function_call.name or "", part.function_call.args or {}
            )
            if part.thought_signature:
                self._signatures[call.id] = part.thought_signature
            return call
        if part.thought:
            return Progress()
        return TextDelta(part.text) if part.text else None


def _as_little_as_possible(model: str) -> types.ThinkingConfig:
    """A caller waits for the first word: no thoughts, or the fewest the model can do with."""
    if model.startswith("gemini-2.5"):
        return types.ThinkingConfig(thinking_budget=0)
    return types.ThinkingConfig(thinking_level=types.ThinkingLevel.MINIMAL)


def _parts(answer: types.GenerateContentResponse) -> Sequence[types.Part]:
    candidate = answer.candidates[0] if answer.candidates else None
    return (candidate.content.parts if candidate and candidate.content else None) or ()


def _finish(answer: types.GenerateContentResponse) -> types.FinishReason | None:
    """Why this was the last piece, if it was. Raises ProviderError when the model was kept from answering."""
    if answer.prompt_feedback and answer.prompt_feedback.block_reason:
        raise ProviderError(PROVIDER, "would not answer this", retryable=False)
    reason = answer.candidates[0].finish_reason if answer.candidates else None
    if reason is types.FinishReason.MALFORMED_FUNCTION_CALL:
        raise ProviderError(PROVIDER, "sent a tool call that is not valid", retryable=True)
    return reason


def _usage(counted: types.GenerateContentResponseUsageMetadata | None) -> ProviderUsage | None:
    if counted is None or not counted.prompt_token_count:
        return None
    return ProviderUsage(
        input_tokens=counted.prompt_token_count,
        output_tokens=(counted.candidates_token_count or 0) + (counted.thoughts_token_count or 0),
        cached_input_tokens=counted.cached_content_token_count or 0,
    )


def open_adapter(config: GoogleLlm, context: AdapterContext) -> GeminiChat:
    """The adapter for a configuration, with the key and address to use. Raises BadKeyError."""
    return GeminiChat(config, context.api_key, context.base_url)
