"""MCP servers."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from functions.mcp_servers.schemas import McpServerCreate, McpServerPatch, McpServerTest
from sovereign.http import CallerDep, TableDep
from sovereign.kernel.encryption import default_cipher
from sovereign.mcp_servers import McpServerStore

router = APIRouter(prefix="/mcp-servers", tags=["mcp servers"])


async def _store(table: TableDep) -> McpServerStore:
    return McpServerStore(table, default_cipher())


StoreDep = Annotated[McpServerStore, Depends(_store)]


@router.get("", summary="List MCP servers")
def list_servers(caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """All servers, newest first."""
    return {"mcp_servers": [server.public() for server in store.list(caller.org_id)]}


@router.post("", status_code=201, summary="Create an MCP server")
def create_server(body: McpServerCreate, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """A server whose tools assistants may be given."""
    return {"mcp_server": store.create(caller.org_id, body.settings(), body.headers).public()}


@router.get("/{server_id}", summary="Get an MCP server")
def get_server(server_id: str, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """One server."""
    return {"mcp_server": store.get(caller.org_id, server_id).public()}


@router.patch("/{server_id}", summary="Change an MCP server")
def update_server(server_id: str, body: McpServerPatch, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """Only the members that are sent change; a move to another host needs `headers` in the same call."""
    server = store.update(caller.org_id, server_id, body.given(), accept=lambda stored: body.changes(stored.public()))
    return {"mcp_server": server.public()}


@router.delete("/{server_id}", summary="Delete an MCP server")
def delete_server(server_id: str, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """Refused while an assistant or a workflow uses it."""
    store.delete(caller.org_id, server_id)
    return {"success": True}


@router.post("/{server_id}/test", summary="Try an MCP server")
def try_server(server_id: str, caller: CallerDep, store: StoreDep, body: McpServerTest | None = None) -> dict[str, Any]:
    """Connects and lists the tools; a server that cannot be reached is an answer, not an error."""
    from sovereign.mcp_servers.probe import find_tools  # noqa: PLC0415 - its client slows the cold start of all routes

    server = store.get(caller.org_id, server_id)
    tried = {name.lower() for name in body.headers} if body else set()
    kept = {name: value for name, value in store.headers(server).items() if name.lower() not in tried}
    headers = {**kept, **(body.headers if body else {})}
    settings = server.settings
    return find_tools(settings.url, settings.transport, headers, settings.timeout_seconds).public()
