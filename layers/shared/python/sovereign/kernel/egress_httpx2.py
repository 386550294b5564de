"""The egress guard for SDKs that bring httpx2 (openai's): their requests go out through `egress_transport`'s pools.

A customer may name the address such an SDK talks to, so the address connected to has to be checked like any other.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import httpx2

from sovereign.kernel import egress_transport
from sovereign.kernel.egress import USER_AGENT, EgressRefusedError

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
        return _httpx2_response(answer, _Stream(answer.stream))

    def close(self) -> None:
        self._guarded.close()


class _AsyncTransport(httpx2.AsyncBaseTransport):
    def __init__(self) -> None:
        self._guarded = egress_transport.AsyncGuardedTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        with _httpx2_errors():
            answer = await self._guarded.handle_async_request(_httpx_request(request))
        return _httpx2_response(answer, _AsyncStream(answer.stream))

    async def aclose(self) -> None:
        await self._guarded.aclose()


class _Stream(httpx2.SyncByteStream):
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __iter__(self) -> Iterator[bytes]:
        with _httpx2_errors():
            yield from self._inner

    def close(self) -> None:
        self._inner.close()


class _AsyncStream(httpx2.AsyncByteStream):
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _httpx2_errors():
            async for chunk in self._inner:
                yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


def _httpx_request(request: httpx2.Request) -> httpx.Request:
    stream: Any = request.stream
    extensions = {name: value for name, value in request.extensions.items() if name == "timeout"}
    return httpx.Request(
        request.method, str(request.url), headers=request.headers.raw, stream=stream, extensions=extensions
    )


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
