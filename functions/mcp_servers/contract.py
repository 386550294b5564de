"""What the MCP server routes answer."""

from typing import Any, Literal

from typing_extensions import TypedDict

from sovereign.http.contract.operation import Id, JsonObject, Moment, Operation, Operations, Resource, view
from sovereign.mcp_servers.model import McpServerSettings


class FoundTool(TypedDict):
    """A tool the server offers."""

    name: str
    description: str | None
    input_schema: dict[str, Any]


class Reached(TypedDict):
    """The server answered."""

    ok: Literal[True]
    duration_ms: int
    tools: list[FoundTool]


class NotReached(TypedDict):
    """It did not; `error` says why."""

    ok: Literal[False]
    duration_ms: int
    error: str


McpServer = view("McpServer", McpServerSettings, id=Id, header_names=list[str], created_at=Moment, updated_at=Moment)
_CREATE: JsonObject = {
    "name": "calendar",
    "url": "https://mcp.example.com/mcp",
    "headers": {"Authorization": "Bearer secret"},
}
_EXAMPLE: JsonObject = {
    "id": "3f1c6f0e-8f0a-4f5e-9a55-0d3b5a4c7e21",
    "name": "calendar",
    "url": "https://mcp.example.com/mcp",
    "transport": "streamable_http",
    "timeout_seconds": 20,
    "header_names": ["Authorization"],
    "created_at": "2026-11-23T09:30:00.000Z",
    "updated_at": "2026-11-23T09:30:00.000Z",
}
_REACHED = {"ok": True, "duration_ms": 84, "tools": [{"name": "slots", "description": None, "input_schema": {}}]}

OPERATIONS: Operations = {
    **Resource(
        path="mcp-servers",
        parameter="server_id",
        plural="mcp_servers",
        singular="mcp_server",
        shown=McpServer,
        example=_EXAMPLE,
        create=_CREATE,
        change={"timeout_seconds": 30},
    ).operations(),
    "POST /mcp-servers/{server_id}/test": Operation(Reached | NotReached, _REACHED, request={"headers": {}}),
}
