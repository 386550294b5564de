"""Tools of MCP servers during a call: connected while the phone rings, held until the call is over."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2
from aws_lambda_powertools import Logger
from mcp import MCPError
from mcp.client import Client
from mcp_types import CONNECTION_CLOSED, INVALID_REQUEST, CallToolResult, TextContent

from media.conversation.tools import RemoteTool
from media.speech.interfaces import ToolSpec, ToolsUnavailableError
from sovereign.catalog.json_schema import check_object_schema
from sovereign.catalog.tools import McpTool
from sovereign.mcp_servers.connection import Guard, causes_of, connected, listed_tools
from sovereign.mcp_servers.model import Transport

CONNECT_SECONDS = 8.0
"""Longest a caller waits for a server while the phone rings, and for a reconnection during a tool call."""
CLOSE_SECONDS = 2.0
MAX_RESULT_BYTES = 64 * 1024
MAX_SCHEMA_BYTES = 64 * 1024
_LONGEST_DESCRIPTION = 1024
_LONGEST_ERROR = 500

logger = Logger(child=True)


@dataclass(frozen=True, kw_only=True)
class McpEndpoint:
    """Where a server is. `headers` carry credentials: in memory only, never logged. `timeout_seconds` bounds a call."""

    server_id: str
    url: str = field(repr=False)
    transport: Transport
    headers: Mapping[str, str] = field(repr=False)
    timeout_seconds: float


class McpConnection:
    """One server in one call. Its connection lives in a task of its own, as the client wants to be closed where it was
    opened."""

    def __init__(self, endpoint: McpEndpoint) -> None:
        self._endpoint = endpoint
        self._client: Client | None = None
        self._task: asyncio.Task[BaseException | None] | None = None
        self._over = asyncio.Event()
        self._opening = asyncio.Lock()
        self.listed: Sequence[Mapping[str, Any]] = ()

    async def open(self) -> None:
        """Connect and list the server's tools. Raises Exception for whatever a server does, within 8 s."""
        self._over = asyncio.Event()
        opened: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._hold(opened, self._over))
        either: set[asyncio.Future[Any]] = {self._task, opened}
        try:
            async with asyncio.timeout(min(CONNECT_SECONDS, self._endpoint.timeout_seconds)):
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            await self.close()
            raise
        if not opened.done():
            raise self._task.result() or ConnectionError("the connection ended while it was opened")
        self._client = opened.result()

    async def call(self, name: str, arguments: Mapping[str, Any]) -> str:
        """Call a tool; the text for the model, a failure is text too. A lost connection is opened again once."""
        try:
            async with asyncio.timeout(self._endpoint.timeout_seconds):
                return text_of(await self._result(name, arguments))
        except TimeoutError:
            return _error("the tool did not answer in time")
        except MCPError as refused:
            return _error(f"the tool failed: {refused.message[:_LONGEST_ERROR]}")
        except Exception as failure:  # noqa: BLE001 - the client raises groups of anything a server makes it stumble over
            logger.warning("mcp_call_failed", server=self._endpoint.server_id, error=type(failure).__name__)
            return _error("the tool's server cannot be reached")

    async def close(self) -> None:
        """Let go of the server; bounded."""
        self._over.set()
        was_open, self._client = self._client is not None, None
        task = self._task
        if task is not None and not task.done():
            if was_open:
                await asyncio.wait({task}, timeout=CLOSE_SECONDS)
            task.cancel()
            await asyncio.wait({task}, timeout=CLOSE_SECONDS)

    async def _result(self, name: str, arguments: Mapping[str, Any]) -> CallToolResult:
        client = await self._living()
        try:
            return await client.call_tool(name, dict(arguments))
        except MCPError as failure:
            if not await self._never_arrived(failure):
                raise
        return await (await self._living(but=client)).call_tool(name, dict(arguments))

    async def _living(self, but: Client | None = None) -> Client:
        """An open client, after a reconnection when there is none (other than `but`)."""
        async with self._opening:  # several calls of one answer reconnect once
            client = self._client
            if client is None or client is but or self._task is None or self._task.done():
                await self.close()
                await self.open()
                client = self._client
        if client is None:
            raise ConnectionError("no connection")
        return client

    async def _never_arrived(self, failure: MCPError) -> bool:
        """Whether the server cannot have begun to act on the request: only then is it sent again."""
        if failure.code == INVALID_REQUEST and failure.message == "Session terminated":
            return True
        if failure.code != CONNECTION_CLOSED or self._task is None:
            return False
        await asyncio.wait({self._task}, timeout=CLOSE_SECONDS)
        ended_by = self._task.result() if self._task.done() and not self._task.cancelled() else None
        kinds = httpx2.ConnectError | httpx2.ConnectTimeout
        return ended_by is not None and any(isinstance(cause, kinds) for cause in causes_of(ended_by))

    async def _hold(self, opened: "asyncio.Future[Client]", over: asyncio.Event) -> BaseException | None:
        """Keep a connection until it is over; returns what ended it before that."""
        endpoint = self._endpoint
        # an event stream may be silent for as long as the call lasts; each answer has its own limit
        timeout = httpx2.Timeout(endpoint.timeout_seconds, read=None)
        http = Guard().client(timeout, endpoint.headers)
        try:
            async with connected(
                endpoint.url, endpoint.transport, http, answer_seconds=endpoint.timeout_seconds
            ) as client:
                self.listed = await listed_tools(client)
                opened.set_result(client)
                await over.wait()
        except Exception as failure:  # noqa: BLE001 - told by whoever needs the connection
            return failure
        return None


@dataclass(frozen=True)
class _ServerTool:
    """One tool a server lists, as the model is offered it (`media.conversation.tools.RemoteTool`)."""

    spec: ToolSpec
    connection: McpConnection

    async def call(self, arguments: Mapping[str, Any]) -> str:
        """Run it; the text for the model."""
        return await self.connection.call(self.spec.name, arguments)


class McpTools:
    """The MCP servers of one call."""

    def __init__(self, endpoints: Sequence[McpEndpoint], tools: Sequence[McpTool]) -> None:
        """Start connecting to all servers at once; `endpoints` may lack one that is gone."""
        self._connections = {endpoint.server_id: McpConnection(endpoint) for endpoint in endpoints}
        self._usable: set[str] = set()
        self._required = {tool.mcp_server_id.lower() for tool in tools if tool.required}
        self._connecting = asyncio.create_task(self._open_all())

    async def ready(self) -> None:
        """Wait for the connections, 8 s at most. Raises ToolsUnavailableError when a required one is not to be had."""
        await self._connecting
        if missing := sorted(self._required - self._usable):
            raise ToolsUnavailableError("mcp", f"server {missing[0]} cannot be reached", retryable=False)

    async def _open_all(self) -> None:
        await asyncio.gather(*(self._open(server_id) for server_id in self._connections))

    async def _open(self, server_id: str) -> None:
        connection = self._connections[server_id]
        try:
            await connection.open()
        except Exception as failure:  # noqa: BLE001 - as above; what it may cost is decided by the caller
            logger.warning("mcp_server_unreachable", server=server_id, error=type(failure).__name__)
        else:
            self._usable.add(server_id)

    def tools_of(self, tool: McpTool) -> Sequence[RemoteTool]:
        """What is offered of a server: the tools that are allowed, that it has, and whose parameters can be checked."""
        server_id = tool.mcp_server_id.lower()
        if server_id not in self._usable:
            return []
        connection = self._connections[server_id]
        listed = {entry["name"]: entry for entry in connection.listed}
        offered = [_spec(listed[name]) for name in tool.allowed_tools if name in listed]
        if gone := sorted(set(tool.allowed_tools) - {spec.name for spec in offered if spec}):
            logger.warning("mcp_tools_left_out", server=server_id, tools=gone)
        return [_ServerTool(spec, connection) for spec in offered if spec]

    async def close(self) -> None:
        """Let go of all servers; bounded."""
        self._connecting.cancel()
        await asyncio.gather(*(one.close() for one in self._connections.values()), return_exceptions=True)


def _spec(listed: Mapping[str, Any]) -> ToolSpec | None:
    schema = listed["input_schema"]
    try:
        check_object_schema(schema)
    except ValueError:
        return None
    if len(json.dumps(schema)) > MAX_SCHEMA_BYTES:
        return None
    return ToolSpec(listed["name"], (listed["description"] or "")[:_LONGEST_DESCRIPTION], schema)


def text_of(result: CallToolResult) -> str:
    """A result for the model, at most 64 KiB: its texts, else its structure; what is no text is named."""
    parts = [part.text if isinstance(part, TextContent) else f"[{part.type}]" for part in result.content]
    if not parts and result.structured_content is not None:
        parts = [json.dumps(result.structured_content, ensure_ascii=False)]
    text = "\n".join(parts).encode("utf-8", errors="replace")[:MAX_RESULT_BYTES].decode("utf-8", errors="ignore")
    return _error(text or "the tool failed") if result.is_error else text


def _error(text: str) -> str:
    return json.dumps({"error": text}, ensure_ascii=False)
