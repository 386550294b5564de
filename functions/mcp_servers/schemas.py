"""Bodies of the MCP server routes."""

from typing import ClassVar

from pydantic import ConfigDict, Field

from sovereign.http import RequestModel
from sovereign.mcp_servers.model import Headers, McpServerChanges, McpServerSettings


class McpServerCreate(RequestModel, McpServerSettings):
    """A new server: `name` and `url` are required; the headers' values are never shown again."""

    model_config = ConfigDict(defer_build=False)  # FastAPI builds it now in any case

    headers: Headers = Field(default_factory=dict)

    def settings(self) -> McpServerSettings:
        """The members but the headers."""
        return McpServerSettings.model_construct(**self.model_dump(exclude={"headers"}))


class McpServerPatch(RequestModel, McpServerChanges):
    """Members to change; `headers` replace all stored ones, `{}` removes them."""

    model_config = ConfigDict(defer_build=False)  # FastAPI builds it now in any case

    read_only: ClassVar[frozenset[str]] = frozenset({"id", "header_names", "created_at", "updated_at"})

    headers: Headers = Field(default_factory=dict)


class McpServerTest(RequestModel):
    """Headers to try, merged over the stored ones and not stored."""

    headers: Headers = Field(default_factory=dict)
