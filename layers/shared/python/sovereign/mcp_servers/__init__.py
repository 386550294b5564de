"""MCP servers of an organization: where they are, how they are reached, and which tools they offer."""

from sovereign.mcp_servers.model import McpServer, McpServerNotFoundError
from sovereign.mcp_servers.store import McpServerStore

__all__ = ["McpServer", "McpServerNotFoundError", "McpServerStore"]
