"""Connections to MCP servers with the official client, through the egress guard.

Imported only by what connects: the client costs a cold start half a second.
"""

import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp.client import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import McpHttpClientFactory

from sovereign.kernel import egress_httpx2
from sovereign.mcp_servers.model import Transport

MAX_ANSWER_BYTES = 2 * 1024 * 1024
"""Of one answer of the server."""
MAX_TOOLS = 500
MAX_PAGES = 20

# the client writes what servers say, and whole tracebacks, to its log
logging.getLogger("mcp").disabled = True


class RefusedAnswerError(httpx2.RemoteProtocolError):
    """The server's answer is one we do not take; the message says why and quotes nothing."""


@asynccontextmanager
async def connected(
    url: str, transport: Transport, http: httpx2.AsyncClient, *, answer_seconds: float
) -> AsyncIterator[Client]:
    """A client on an open connection; `http` comes from a `Guard` and is closed with it."""
    if transport == "sse":
        # this transport opens and closes its client itself, and has the handshake of older servers only
        connection = sse_client(url, httpx_client_factory=_always(http))
        async with Client(connection, mode="legacy", read_timeout_seconds=answer_seconds) as client:
            yield client
    else:
        streamable = streamable_http_client(url, http_client=http)
        async with http, Client(streamable, read_timeout_seconds=answer_seconds) as client:
            yield client


async def listed_tools(client: Client) -> list[dict[str, Any]]:
    """The server's tools: name, description, input_schema."""
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


class Guard:
    """Sees answers before the client does, and remembers a refusal; the client only raises an error of its own."""

    def __init__(self) -> None:
        self.refusal: str | None = None

    def client(self, timeout: "float | httpx2.Timeout", headers: Mapping[str, str]) -> httpx2.AsyncClient:
        """A client whose answers pass through here."""
        client = egress_httpx2.async_client(timeout)
        client.headers.update(headers)
        client.event_hooks = {"response": [self._look]}
        return client

    async def _look(self, response: httpx2.Response) -> None:
        if response.is_redirect:
            self.refusal = "it redirects elsewhere, which is not followed"
            raise RefusedAnswerError(self.refusal)
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
                raise RefusedAnswerError("its answer is too large")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


def causes_of(failure: BaseException) -> Iterator[BaseException]:
    """The failure and everything it was made of."""
    yield failure
    inner = failure.exceptions if isinstance(failure, BaseExceptionGroup) else ()
    for cause in (*inner, failure.__cause__):
        if cause is not None:
            yield from causes_of(cause)
