"""The egress guard for SDKs that bring httpx2 (openai's, MCP's): their requests go out through `egress_transport`'s
pools.

A customer may name the address such an SDK talks to, so the address connected to has to be checked like any other.
Such an SDK keeps and unpacks what it is sent without a bound: answers are bounded here, and taken unpacked only.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import httpx2

from sovereign.kernel import egress_transport
from sovereign.kernel.egress import USER_AGENT, EgressRefusedError

LARGEST_ANSWER = 32 * 1024 * 1024
"""Bytes: eleven minutes of speech, far more than any model's answer."""
_OPTIONS: dict[str, Any] = {"trust_env": False, "follow_redirects": False, "headers": {"User-Agent": USER_AGENT}}


def client(timeout: "float | httpx2.Timeout") -> httpx2.Client:
    """As `egress.client`, of httpx2; an address that is refused is a ConnectError."""
    return httpx2.Client(transport=_Transport(), timeout=timeout, **_OPTIONS)


def async_client(timeout: "float | httpx2.Timeout") -> httpx2.AsyncClient:
    """As `client`, for asyncio."""
    return httpx2.AsyncClient(transport=_AsyncTransport(), timeout=timeout, **_OPTIONS)


class _Transport(httpx2.BaseTransport):
    def __init__(self) -> None:
        self._guarded = egress_transport.GuardedTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        with _httpx2_errors():
            answer = self._guarded.handle_request(_httpx_request(request))
        if _is_packed(answer):
            answer.close()
            raise httpx2.RemoteProtocolError("the answer has an encoding that was not asked for")
        return _httpx2_response(answer, _Stream(answer.stream))

    def close(self) -> None:
        self._guarded.close()


class _AsyncTransport(httpx2.AsyncBaseTransport):
    def __init__(self) -> None:
        self._guarded = egress_transport.AsyncGuardedTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        with _httpx2_errors():
            answer = await self._guarded.handle_async_request(_httpx_request(request))
        if _is_packed(answer):
            await answer.aclose()
            raise httpx2.RemoteProtocolError("the answer has an encoding that was not asked for")
        return _httpx2_response(answer, _AsyncStream(answer.stream))

    async def aclose(self) -> None:
        await self._guarded.aclose()


class _Stream(httpx2.SyncByteStream):
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __iter__(self) -> Iterator[bytes]:
        left = LARGEST_ANSWER
        with _httpx2_errors():
            for chunk in self._inner:
                left = _less(left, chunk)
                yield chunk

    def close(self) -> None:
        self._inner.close()


class _AsyncStream(httpx2.AsyncByteStream):
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = LARGEST_ANSWER
        with _httpx2_errors():
            async for chunk in self._inner:
                left = _less(left, chunk)
                yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


def _httpx_request(request: httpx2.Request) -> httpx.Request:
    stream: Any = request.stream
    extensions = {name: value for name, value in request.extensions.items() if name == "timeout"}
    headers = httpx.Headers(request.headers.raw)
    headers["accept-encoding"] = "identity"
    return httpx.Request(request.method, str(request.url), headers=headers, stream=stream, extensions=extensions)


def _is_packed(answer: httpx.Response) -> bool:
    return answer.headers.get("content-encoding", "").strip().lower() not in {"", "identity"}


def _less(left: int, chunk: bytes) -> int:
    if len(chunk) > left:
        raise httpx2.RemoteProtocolError("the answer is too large")
    return left - len(chunk)


def _httpx2_response(answer: httpx.Response, stream: _Stream | _AsyncStream) -> httpx2.Response:
    return httpx2.Response(answer.status_code, headers=answer.headers.raw, stream=stream)


@contextmanager
def _httpx2_errors() -> Iterator[None]:
    """The transport's errors under the names they have in httpx2: an SDK treats no others as a failed request."""
    try:
        yield
    except EgressRefusedError as refused:
        raise httpx2.ConnectError(str(refused)) from refused
    except httpx.TransportError as failure:
        raise getattr(httpx2, type(failure).__name__)(str(failure)) from failure
