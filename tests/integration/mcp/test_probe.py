"""The test call against real MCP servers over real connections, and against what only claims to be one."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from functions.mcp_servers.router import router
from sovereign.kernel.table import Ref, Table, Update
from sovereign.mcp_servers.connection import MAX_ANSWER_BYTES
from sovereign.mcp_servers.probe import find_tools
from tests.component.assistants.fixtures import ORG, Api
from tests.integration.mcp.servers import KEY, Asgi, always, behind_a_key, forget, serving


def calendar() -> MCPServer:
    server: MCPServer = MCPServer("calendar")

    @server.tool(description="Books an appointment")
    def book(day: str, hour: int) -> str:
        return f"{day} {hour}"

    @server.tool()
    def cancel(day: str) -> str:
        """Cancels an appointment"""
        return day

    return server


@pytest.fixture(params=["streamable_http", "sse"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, Any]]:
    """The address of a calendar behind a key, and its transport."""
    streamable = request.param == "streamable_http"
    app = calendar().streamable_http_app() if streamable else calendar().sse_app()
    with serving(behind_a_key(app)) as url:
        yield f"{url}/{'mcp' if streamable else 'sse'}", request.param


def test_tools_of_a_real_server_are_listed(server: tuple[str, Any]) -> None:
    url, transport = server
    found = find_tools(url, transport, {"Authorization": KEY}, 20)
    assert found.error is None
    assert [(tool["name"], tool["description"]) for tool in found.tools] == [
        ("book", "Books an appointment"),
        ("cancel", "Cancels an appointment"),
    ]
    assert found.tools[0]["input_schema"]["properties"].keys() == {"day", "hour"}
    assert 0 < found.duration_ms < 20_000


def test_wrong_key_is_a_reason(server: tuple[str, Any]) -> None:
    url, transport = server
    found = find_tools(url, transport, {"Authorization": "Bearer wrong"}, 20).public()
    assert (found["ok"], found["error"]) == (False, "it answers with status 401")


def test_address_that_is_not_public_is_not_connected_to(
    server: tuple[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EGRESS_ALLOWED_CIDRS")
    forget()
    url, transport = server
    for host in ("127.0.0.1", "localhost"):
        found = find_tools(url.replace("127.0.0.1", host), transport, {"Authorization": KEY}, 20)
        assert found.error == "it cannot be connected to, or its address is not a public one"


@pytest.mark.parametrize("transport", ["streamable_http", "sse"])
@pytest.mark.parametrize(
    ("app", "reason"),
    [
        (always(307, location="/elsewhere"), "it redirects elsewhere, which is not followed"),
        (always(302, location="http://127.0.0.1:9/"), "it redirects elsewhere, which is not followed"),
        (always(500), "it answers with status 500"),
        (always(404), "it answers with status 404"),
        (always(200, b"<html>", content_type="text/html"), None),
        (always(200, b"{}", content_type="application/json"), None),
        (always(200, b" " * (MAX_ANSWER_BYTES + 1), content_type="application/json"), None),
        (always(200, b"data: {\n\n" * 100, content_type="text/event-stream"), None),
    ],
)
def test_what_is_no_server_is_a_reason(app: Asgi, reason: str | None, transport: Any) -> None:
    with serving(app) as url:
        found = find_tools(url, transport, {}, 5)
    assert found.tools == []
    assert found.error
    assert reason is None or found.error == reason
    assert "http" not in found.error.lower()


@pytest.mark.parametrize("transport", ["streamable_http", "sse"])
def test_server_that_never_answers_is_given_up(transport: Any) -> None:
    async def silent(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await asyncio.sleep(30)

    with serving(silent) as url:
        started = time.perf_counter()
        found = find_tools(url, transport, {}, 1)
        assert time.perf_counter() - started < 4
    assert found.error == "it does not answer within 1 seconds"


def test_closed_port_is_a_reason() -> None:
    assert find_tools("http://127.0.0.1:9", "streamable_http", {}, 5).error


def test_route_tries_stored_and_sent_headers(table: Table, api: Api) -> None:
    client = api(router)
    body = {"name": "Calendar", "url": "https://mcp.example.com/mcp", "headers": {"authorization": "Bearer old"}}
    made = client.post("mcp-servers", json=body).json()["mcp_server"]
    with serving(behind_a_key(calendar().streamable_http_app())) as url:
        # only https is accepted from clients, and a certificate for loopback nobody signs
        changed = {"url": f"{url}/mcp", "name": "Calendar", "transport": "streamable_http", "timeout_seconds": 20}
        table.update(Update(Ref(f"ORG#{ORG}", f"MCP_SERVER#{made['id']}"), set={"settings": changed}))
        refused = client.post(f"mcp-servers/{made['id']}/test")
        taken = client.post(f"mcp-servers/{made['id']}/test", json={"headers": {"Authorization": KEY}})
        again = client.post(f"mcp-servers/{made['id']}/test", json={})
    assert (refused.status_code, refused.json()["ok"], refused.json()["error"]) == (
        200,
        False,
        "it answers with status 401",
    )
    assert taken.json().keys() == {"ok", "duration_ms", "tools"}
    assert (taken.json()["ok"], len(taken.json()["tools"])) == (True, 2)
    assert again.json()["ok"] is False
    assert client.post(f"mcp-servers/{made['id']}/test", json={"header": {}}).status_code == 400
