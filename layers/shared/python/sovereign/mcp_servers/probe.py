"""Asks an MCP server for its tools with the official client, through the egress guard.

Imported only by what connects: the client costs a cold start half a second.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
from mcp.client import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import McpHttpClientFactory

from sovereign.kernel import egress_httpx2
from sovereign.mcp_servers.model import Transport

LONGEST_SECONDS = 24.0
"""A request of ours is answered within 28 s, whatever the server's own timeout is."""
MAX_ANSWER_BYTES = 2 * 1024 * 1024
"""Of one answer of the server."""
MAX_TOOLS = 500
MAX_PAGES = 20

# the client writes what servers say, and whole tracebacks, to its log
logging.getLogger("mcp").disabled = True


@dataclass(frozen=True)
class Found:
    """What came of it: the tools, or why there are none. The duration is in milliseconds."""

    duration_ms: int
    tools: list[dict[str, Any]]
    error: str | None = None

    def public(self) -> dict[str, Any]:
        """As responses show it."""
        if self.error is not None:
            return {"ok": False, "duration_ms": self.duration_ms, "error": self.error}
        return {"ok": True, "duration_ms": self.duration_ms, "tools": self.tools}


class _RefusedAnswerError(httpx2.RemoteProtocolError):
    """The server's answer is one we do not take; the message says why and quotes nothing."""


def find_tools(url: str, transport: Transport, headers: Mapping[str, str], timeout_seconds: float) -> Found:
    """Connect, ask, close. Never raises for what a server does; blocks for at most `LONGEST_SECONDS`."""
    seconds = min(timeout_seconds, LONGEST_SECONDS)
    started = time.perf_counter()
    guard = _Guard()
    try:
        tools = asyncio.run(_tools_within(seconds, url, transport, guard.client(seconds, headers)))
    except Exception as failure:  # noqa: BLE001 - the client raises groups of anything a server makes it stumble over
        return Found(_elapsed(started), [], _reason(failure, guard, seconds))
    return Found(_elapsed(started), tools)


async def _tools_within(
    seconds: float, url: str, transport: Transport, http: httpx2.AsyncClient
) -> list[dict[str, Any]]:
    async with asyncio.timeout(seconds):
        if transport == "sse":
            # this transport opens and closes its client itself, and has the handshake of older servers only
            connection = sse_client(url, httpx_client_factory=_always(http))
            async with Client(connection, mode="legacy", read_timeout_seconds=seconds) as client:
                return await _listed(client)
        connection = streamable_http_client(url, http_client=http)
        async with http, Client(connection, read_timeout_seconds=seconds) as client:
            return await _listed(client)


async def _listed(client: Client) -> list[dict[str, Any]]:
    tools: list[dict[str, Any]] = []
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools += [{"name": t.name, "description": t.description, "input_schema": t.input_schema} for t in page.tools]
        cursor = page.next_cursor
        if cursor is None or len(tools) >= MAX_TOOLS:
            break
    return tools[:MAX_TOOLS]


def _always(client: httpx2.AsyncClient) -> McpHttpClientFactory:
    """A factory that gives the client there is, which has headers and timeout of its own."""

    def factory(
        headers: dict[str, str] | None = None,  # noqa: ARG001 - the interface's parameters
        timeout: httpx2.Timeout | None = None,  # noqa: ARG001
        auth: httpx2.Auth | None = None,  # noqa: ARG001
    ) -> httpx2.AsyncClient:
        return client

    return factory


class _Guard:
    """Sees answers before the client does, and remembers a refusal; the client only raises an error of its own."""

    def __init__(self) -> None:
        self.refusal: str | None = None

    def client(self, seconds: float, headers: Mapping[str, str]) -> httpx2.AsyncClient:
        """A client whose answers pass through here."""
        client = egress_httpx2.async_client(seconds)
        client.headers.update(headers)
        client.event_hooks = {"response": [self._look]}
        return client

    async def _look(self, response: httpx2.Response) -> None:
        if response.is_redirect:
            self.refusal = "it redirects elsewhere, which is not followed"
            raise _RefusedAnswerError(self.refusal)
        if response.is_error:
            self.refusal = f"it answers with status {response.status_code}"
        elif response.request.method == "POST":
            self.refusal = None  # it took a message: what it refused before was an offer of another protocol version
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _Capped(response.stream)


class _Capped(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_ANSWER_BYTES
        async for chunk in self._inner:
            left -= len(chunk)
            if left < 0:
                raise _RefusedAnswerError("its answer is too large")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


def _reason(failure: BaseException, guard: _Guard, seconds: float) -> str:
    """The most telling of the failures, in our own words: a server's may say anything."""
    causes = list(_causes(failure))
    if any(isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout) for cause in causes):
        return "it cannot be connected to, or its address is not a public one"
    if any(isinstance(cause, TimeoutError | httpx2.TimeoutException) for cause in causes):
        return f"it does not answer within {seconds:g} seconds"
    if guard.refusal is not None:
        return guard.refusal
    refused = next((cause for cause in causes if isinstance(cause, _RefusedAnswerError)), None)
    return str(refused) if refused else "it does not answer as an MCP server does"


def _causes(failure: BaseException) -> Iterator[BaseException]:
    yield failure
    inner = failure.exceptions if isinstance(failure, BaseExceptionGroup) else ()
    for cause in (*inner, failure.__cause__):
        if cause is not None:
            yield from _causes(cause)


def _elapsed(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
