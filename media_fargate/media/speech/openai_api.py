"""What the OpenAI adapters share: the client and its errors. The SDK appears here and in those adapters only."""

import httpx2
import openai
from openai import AsyncOpenAI

from media.speech.failures import dropped, refused, timed_out, unreachable
from media.speech.interfaces import ProviderError
from sovereign.kernel import egress_httpx2

PROVIDER = "openai"
# A caller waits: longer without a byte than this is a failure, which has its own retry and fallback.
_CONNECT_SECONDS, _SILENCE_SECONDS = 4.0, 10.0

ERRORS = (openai.OpenAIError, httpx2.HTTPError)
"""What a request raises: the SDK's errors, and those of its HTTP library while a body is read."""


def client(api_key: str, base_url: str | None, *, guarded: bool = False) -> AsyncOpenAI:
    """A client for one key; `base_url` (".../v1") replaces OpenAI's own address. Retrying is the conversation's.

    `guarded`: a customer named the address, so the one connected to is checked.
    """
    timeout = httpx2.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS)
    connections = egress_httpx2.async_client(timeout) if guarded else None
    return AsyncOpenAI(api_key=api_key, base_url=base_url, max_retries=0, timeout=timeout, http_client=connections)


def as_provider_error(failure: Exception) -> ProviderError:
    """One of `ERRORS` as ours; to be raised `from None`, for the SDK's errors hold the request."""
    if isinstance(failure, openai.APIStatusError):
        return refused(PROVIDER, failure.status_code)
    if isinstance(failure, openai.APITimeoutError | httpx2.TimeoutException):
        return timed_out(PROVIDER)
    # the body of an answer broke off, or the connection was never there
    if isinstance(failure, httpx2.HTTPError) or not isinstance(failure, openai.APIConnectionError):
        return dropped(PROVIDER)
    return unreachable(PROVIDER)
