"""What the adapters of OpenAI's protocol share: the client, its errors and the streamed chat. The SDK appears here and
in those adapters only."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import openai
from openai import AsyncOpenAI
from openai.types import CompletionUsage
from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall

from media.speech.failures import dropped, refused, timed_out, unreachable, withheld
from media.speech.interfaces import ChatEvent, ChatFinished, Progress, ProviderError, ProviderUsage, TextDelta
from media.speech.llm.chat_completions import PartialCalls
from sovereign.kernel import egress_httpx2

PROVIDER = "openai"
# A caller waits: longer without a byte than this is a failure, which has its own retry and fallback.
_CONNECT_SECONDS, _SILENCE_SECONDS = 4.0, 10.0

ERRORS = (openai.OpenAIError, httpx2.HTTPError)
"""What a request raises: the SDK's errors, and those of its HTTP library while a body is read."""
_UNREADABLE = (ValueError, TypeError, AttributeError)
"""What an answer raises whose server speaks the protocol badly: the SDK does not check what it parses."""


def load_sdk(use: Callable[[AsyncOpenAI], object]) -> None:
    """Have the SDK import what it needs for this. By itself it does so at the first use: on the event loop, while other
    calls are up. Adapters are imported in a thread.

    The SDK's own connections would have a finalizer, run whenever their garbage is collected; these have none.
    """
    use(AsyncOpenAI(api_key="none", http_client=httpx2.AsyncClient()))


def client(api_key: str, base_url: str | None, *, guarded: bool = False) -> AsyncOpenAI:
    """A client for one key; `base_url` (".../v1") replaces OpenAI's own address. Retrying is the conversation's.

    `guarded`: a customer named the address, so the one connected to is checked.
    """
    timeout = httpx2.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS)
    connections = egress_httpx2.async_client(timeout) if guarded else None
    return AsyncOpenAI(api_key=api_key, base_url=base_url, max_retries=0, timeout=timeout, http_client=connections)


def as_provider_error(failure: Exception, provider: str = PROVIDER) -> ProviderError:
    """One of `ERRORS` as ours; to be raised `from None`, for the SDK's errors hold the request."""
    if isinstance(failure, openai.APIStatusError):
        return refused(provider, failure.status_code)
    if isinstance(failure, openai.APITimeoutError | httpx2.TimeoutException):
        return timed_out(provider)
    # the body of an answer broke off, or the connection was never there
    if isinstance(failure, httpx2.HTTPError) or not isinstance(failure, openai.APIConnectionError):
        return dropped(provider)
    return unreachable(provider)


async def streamed_chat(
    connection: AsyncOpenAI, request: dict[str, Any], provider: str = PROVIDER
) -> AsyncIterator[ChatEvent]:
    """One chat completion: text as it comes, then the tool calls, then the figures. Raises ProviderError."""
    calls = PartialCalls(provider)
    usage = ProviderUsage()
    finish, spoke = "", False
    options: Any = {"stream": True, "stream_options": {"include_usage": True}}
    try:
        async with await connection.chat.completions.create(**request, **options) as chunks:
            async for chunk in chunks:
                if chunk.usage:
                    usage = _usage(chunk.usage)
                for choice in chunk.choices:
                    finish = choice.finish_reason or finish
                    if choice.delta.content:
                        spoke = True
                        yield TextDelta(choice.delta.content)
                    for delta in choice.delta.tool_calls or ():
                        _collect(delta, calls)
                        yield Progress()
    except ERRORS as failure:
        raise as_provider_error(failure, provider) from None
    except _UNREADABLE:
        raise dropped(provider) from None
    _check_end(provider, finish, spoke=spoke)
    for call in calls.complete():
        yield call
    yield ChatFinished(usage)


def _check_end(provider: str, finish: str, *, spoke: bool) -> None:
    if not finish:
        raise dropped(provider)
    if finish == "content_filter" and not spoke:
        raise withheld(provider)


def _collect(piece: ChoiceDeltaToolCall, calls: PartialCalls) -> None:
    function = piece.function
    name, arguments = (function.name, function.arguments) if function else (None, None)
    calls.add(piece.index, piece.id, name, arguments)


def _usage(counted: CompletionUsage) -> ProviderUsage:
    read, written = _figure(counted, "prompt_tokens"), _figure(counted, "completion_tokens")
    return ProviderUsage(
        input_tokens=read,
        # some who speak the protocol leave their reasoning out of the completion, and charge for it
        output_tokens=max(written, _figure(counted, "total_tokens") - read) if read else written,
        cached_input_tokens=_figure(getattr(counted, "prompt_tokens_details", None), "cached_tokens"),
    )


def _figure(counted: object, name: str) -> int:
    """One figure, 0 where it was not told or is none: an answer that was given is not lost over it."""
    figure = getattr(counted, name, None)
    return figure if isinstance(figure, int) else 0


load_sdk(lambda sdk: (sdk.chat.completions, sdk.audio.speech))
