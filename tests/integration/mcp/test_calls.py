"""MCP tools during a call, against real servers over real connections."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from typing import Any
from unittest.mock import Mock

import pytest
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from media.calls import mcp_tools
from media.calls.mcp_tools import MAX_RESULT_BYTES, McpEndpoint, McpTools
from media.conversation.tools import ToolBox
from media.speech.interfaces import ToolCall, ToolsUnavailableError
from sovereign.catalog.tools import McpTool
from tests.integration.mcp.servers import KEY, Asgi, always, behind_a_key, serving

SERVER = "99999999-9999-4999-8999-999999999999"


def calendar() -> MCPServer:
    server: MCPServer = MCPServer("calendar")

    @server.tool(description="Books an appointment")
    def book(day: str, hour: int) -> str:
        return f"booked {day} {hour}"

    @server.tool()
    def cancel(day: str) -> str:
        """Cancels an appointment"""
        raise ToolError("nothing to cancel")

    @server.tool()
    def history() -> str:
        return "é" * MAX_RESULT_BYTES

    @server.tool()
    async def ponder() -> str:
        await asyncio.sleep(30)
        return "late"

    return server


def app_of(transport: str) -> Asgi:
    served: Any = calendar().streamable_http_app() if transport == "streamable_http" else calendar().sse_app()
    return behind_a_key(served)


@pytest.fixture(params=["streamable_http", "sse"])
def server(request: pytest.FixtureRequest) -> Iterator[McpEndpoint]:
    with serving(app_of(request.param)) as url:
        yield endpoint(url, request.param)


def endpoint(url: str, transport: Any = "streamable_http", **changes: Any) -> McpEndpoint:
    path = "mcp" if transport == "streamable_http" else "sse"
    given = {"server_id": SERVER, "headers": {"Authorization": KEY}, "timeout_seconds": 5.0, **changes}
    return McpEndpoint(url=f"{url}/{path}", transport=transport, **given)


def entry(*names: str, required: bool = True) -> McpTool:
    return McpTool(type="mcp", mcp_server_id=SERVER, allowed_tools=list(names), required=required)


@asynccontextmanager
async def offered(server: McpEndpoint, tool: McpTool) -> AsyncIterator[ToolBox]:
    remote = McpTools([server], [tool])
    async with AsyncExitStack() as stack:
        stack.push_async_callback(remote.close)
        await remote.ready()
        yield ToolBox([tool], Mock(), Mock(), remote)


async def used(box: ToolBox, name: str, **arguments: Any) -> str:
    (result,) = await box.run([ToolCall("c1", name, arguments)])
    return result.text


async def test_allowed_tools_are_offered_and_answer(server: McpEndpoint) -> None:
    async with offered(server, entry("book", "nowhere")) as box:
        (spec,) = box.specs
        assert (spec.name, spec.description) == ("book", "Books an appointment")
        assert spec.parameters["required"] == ["day", "hour"]
        assert await used(box, "book", day="monday", hour=9) == "booked monday 9"


async def test_wrong_arguments_go_back_to_the_model(server: McpEndpoint) -> None:
    async with offered(server, entry("book")) as box:
        assert "invalid arguments" in json.loads(await used(box, "book", day="monday", hour="nine"))["error"]


async def test_a_tool_that_was_not_allowed_is_not_called(server: McpEndpoint) -> None:
    async with offered(server, entry("book")) as box:
        assert "no tool named cancel" in await used(box, "cancel", day="monday")


async def test_a_failing_tool_is_told_to_the_model(server: McpEndpoint) -> None:
    async with offered(server, entry("cancel")) as box:
        assert "nothing to cancel" in json.loads(await used(box, "cancel", day="monday"))["error"]


async def test_a_result_is_capped(server: McpEndpoint) -> None:
    async with offered(server, entry("history")) as box:
        text = await used(box, "history")
        assert len(text.encode()) == MAX_RESULT_BYTES
        assert set(text) == {"é"}


async def test_a_tool_that_hangs_is_given_up_and_the_next_call_works(server: McpEndpoint) -> None:
    slow = McpEndpoint(
        server_id=SERVER, url=server.url, transport=server.transport, headers=server.headers, timeout_seconds=1.0
    )
    async with offered(slow, entry("ponder", "book")) as box:
        begun = time.perf_counter()
        assert "error" in json.loads(await used(box, "ponder"))
        assert time.perf_counter() - begun < 5.0
        assert await used(box, "book", day="monday", hour=9) == "booked monday 9"


async def test_tools_of_one_answer_are_called_at_once(server: McpEndpoint) -> None:
    async with offered(server, entry("book")) as box:
        calls = [ToolCall(f"c{n}", "book", {"day": "monday", "hour": n}) for n in range(4)]
        assert [result.text for result in await box.run(calls)] == [f"booked monday {n}" for n in range(4)]


async def test_a_restarted_server_is_connected_to_again(loopback: None) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with ExitStack() as first:
        url = await asyncio.to_thread(first.enter_context, serving(app_of("streamable_http"), port))
        async with offered(endpoint(url), entry("book")) as box:
            assert await used(box, "book", day="monday", hour=9) == "booked monday 9"
            await asyncio.to_thread(first.close)
            assert "error" in json.loads(await used(box, "book", day="monday", hour=9))
            with ExitStack() as second:
                await asyncio.to_thread(second.enter_context, serving(app_of("streamable_http"), port))
                assert await used(box, "book", day="tuesday", hour=9) == "booked tuesday 9"


async def test_a_required_server_that_cannot_be_reached_is_an_error_and_another_is_left_out() -> None:
    with serving(always(503)) as url:
        with pytest.raises(ToolsUnavailableError, match=SERVER):
            async with offered(endpoint(url), entry("book")):
                pass
        async with offered(endpoint(url), entry("book", required=False)) as box:
            assert list(box.specs) == []


async def test_a_server_that_hangs_is_waited_for_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_tools, "CONNECT_SECONDS", 0.5)

    async def hangs(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await asyncio.sleep(3)

    with serving(hangs) as url:
        begun = time.perf_counter()
        with pytest.raises(ToolsUnavailableError):
            async with offered(endpoint(url), entry("book")):
                pass
        assert time.perf_counter() - begun < 2.5


async def test_a_server_that_is_gone_counts_as_not_reached() -> None:
    remote = McpTools([], [entry("book")])
    with pytest.raises(ToolsUnavailableError):
        await remote.ready()
    await remote.close()
