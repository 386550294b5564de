"""The guarded clients' network side: httpcore pools whose backend checks every address before it connects."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import httpcore
import httpx

from sovereign.kernel.addresses import is_address_allowed, literal_address
from sovereign.kernel.egress import USER_AGENT, EgressRefusedError
from sovereign.kernel.name_lookups import LOOK_UP_SECONDS, addresses_of, look_ups

_MAX_CONNECTIONS = 200
_KEEPALIVE_CONNECTIONS = 50
_KEEPALIVE_SECONDS = 15.0
_MAX_TRIES = 4
# The names of httpcore's errors are httpx's own; a caller sees httpx errors only.
_HTTPX_ERRORS: dict[type[Exception], type[httpx.TransportError]] = {
    getattr(httpcore, error.__name__): error
    for error in (
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.LocalProtocolError,
        httpx.PoolTimeout,
        httpx.ReadError,
        httpx.ReadTimeout,
        httpx.RemoteProtocolError,
        httpx.UnsupportedProtocol,
        httpx.WriteError,
        httpx.WriteTimeout,
    )
}


def client(timeout: float) -> httpx.Client:
    """See `egress.client`."""
    return httpx.Client(transport=GuardedTransport(), timeout=timeout, **_CLIENT_OPTIONS)


def async_client(timeout: float) -> httpx.AsyncClient:
    """See `egress.async_client`."""
    return httpx.AsyncClient(transport=AsyncGuardedTransport(), timeout=timeout, **_CLIENT_OPTIONS)


_CLIENT_OPTIONS: dict[str, Any] = {
    "trust_env": False,
    "follow_redirects": False,
    "headers": {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
}


async def allowed_address(host: str, port: int) -> str:
    """An address of this name that may be connected to, for a client that connects by itself (websockets).

    Raises EgressRefusedError when there is none, OSError when the name does not resolve.
    """
    try:
        return _allowed_addresses(await _resolve_async(host, port, None))[0]
    except (httpcore.ConnectError, httpcore.ConnectTimeout) as failure:
        raise OSError(str(failure)) from None


class GuardedBackend(httpcore.NetworkBackend):
    """Connects to the first reachable allowed address of a name."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Resolve, check, connect. Raises EgressRefusedError when no address is allowed."""
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in _allowed_addresses(_resolve(host, port, timeout)):
            try:
                return self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as refused:
                failure = refused
        raise failure or httpcore.ConnectError("no address to connect to")


class AsyncGuardedBackend(httpcore.AsyncNetworkBackend):
    """As GuardedBackend, for asyncio."""

    def __init__(self) -> None:
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface's own parameter
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, check, connect. Raises EgressRefusedError when no address is allowed."""
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in _allowed_addresses(await _resolve_async(host, port, timeout)):
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as refused:
                failure = refused
        raise failure or httpcore.ConnectError("no address to connect to")

    async def sleep(self, seconds: float) -> None:
        """Wait between connection attempts."""
        await asyncio.sleep(seconds)


class GuardedTransport(httpx.BaseTransport):
    """httpx over an httpcore pool on the guarded backend."""

    def __init__(self) -> None:
        self._pool = httpcore.ConnectionPool(network_backend=GuardedBackend(), **_pool_options())

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the response's body is still to be read."""
        with _httpx_errors():
            answer = self._pool.handle_request(_core_request(request))
        return _httpx_response(answer, _Stream(answer.stream))

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()


class AsyncGuardedTransport(httpx.AsyncBaseTransport):
    """As GuardedTransport, for asyncio."""

    def __init__(self) -> None:
        self._pool = httpcore.AsyncConnectionPool(network_backend=AsyncGuardedBackend(), **_pool_options())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the response's body is still to be read."""
        with _httpx_errors():
            answer = await self._pool.handle_async_request(_core_request(request))
        return _httpx_response(answer, _AsyncStream(answer.stream))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


class _Stream(httpx.SyncByteStream):
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __iter__(self) -> Iterator[bytes]:
        with _httpx_errors():
            yield from self._inner

    def close(self) -> None:
        self._inner.close()


class _AsyncStream(httpx.AsyncByteStream):
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _httpx_errors():
            async for chunk in self._inner:
                yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


def _resolve(host: str, port: int, timeout: float | None) -> list[str]:
    literal = literal_address(host)
    if literal is not None:
        return [str(literal)]
    with _httpcore_errors():
        return look_ups().wait_for(host, partial(addresses_of, host, port), _seconds(timeout))


async def _resolve_async(host: str, port: int, timeout: float | None) -> list[str]:  # noqa: ASYNC109 - httpcore's
    literal = literal_address(host)
    if literal is not None:
        return [str(literal)]
    with _httpcore_errors():
        return await look_ups().find(host, partial(addresses_of, host, port), _seconds(timeout))


def _seconds(timeout: float | None) -> float:
    return LOOK_UP_SECONDS if timeout is None else min(timeout, LOOK_UP_SECONDS)


@contextmanager
def _httpcore_errors() -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise httpcore.ConnectTimeout("resolving the name took too long") from None
    except OSError:
        raise httpcore.ConnectError("the name does not resolve") from None


def _allowed_addresses(addresses: Sequence[str]) -> list[str]:
    allowed = [address for address in addresses if is_address_allowed(address)]
    if not allowed:
        raise EgressRefusedError("the address is not a public one")
    return allowed[:_MAX_TRIES]


def _core_request(request: httpx.Request) -> httpcore.Request:
    url = request.url
    target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    stream: Any = request.stream
    return httpcore.Request(
        request.method, target, headers=request.headers.raw, content=stream, extensions=request.extensions
    )


def _httpx_response(answer: httpcore.Response, stream: httpx.SyncByteStream | httpx.AsyncByteStream) -> httpx.Response:
    return httpx.Response(answer.status, headers=answer.headers, stream=stream, extensions=dict(answer.extensions))


@contextmanager
def _httpx_errors() -> Iterator[None]:
    try:
        yield
    except tuple(_HTTPX_ERRORS) as failure:
        raise _HTTPX_ERRORS[type(failure)](str(failure)) from failure


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


def _pool_options() -> dict[str, Any]:
    return {
        "ssl_context": _tls(),
        "max_connections": _MAX_CONNECTIONS,
        "max_keepalive_connections": _KEEPALIVE_CONNECTIONS,
        "keepalive_expiry": _KEEPALIVE_SECONDS,
    }
