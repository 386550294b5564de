"""An MCP server. Its headers, which carry credentials, are kept encrypted and never shown."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from sovereign.catalog.base import Strict
from sovereign.kernel.clock import to_wire
from sovereign.kernel.egress import EgressRefusedError, check_url
from sovereign.kernel.errors import ConflictError, InvalidRequestError, NotFoundError

KIND = "MCP_SERVER"
MAX_HEADERS = 10

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")  # a token of RFC 9110
_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,4094}[\x21-\x7e])?")
_OURS = frozenset(
    {
        *("accept", "accept-encoding", "connection", "content-length", "content-type", "expect", "host", "te"),
        *("trailer", "transfer-encoding", "upgrade", "last-event-id", "mcp-protocol-version", "mcp-session-id"),
    }
)
"""What the connection itself needs: a customer's value would break it."""

Transport = Literal["streamable_http", "sse"]


class McpServerNotFoundError(NotFoundError):
    """The organization has no such MCP server."""

    def __init__(self) -> None:
        super().__init__("No such MCP server.")


class NameTakenError(ConflictError):
    """Another MCP server of the organization has this name (409)."""

    def __init__(self) -> None:
        super().__init__("Another MCP server has this name.")


def _check_url(url: str) -> str:
    try:
        return check_url(url, schemes=("https",))
    except EgressRefusedError as refused:
        raise ValueError(str(refused)) from None


def _check_headers(headers: dict[str, str]) -> dict[str, str]:
    names = [name.lower() for name in headers]
    if any(not _HEADER_NAME.fullmatch(name) for name in headers):
        raise ValueError("names must be HTTP header names of at most 64 characters")
    if len(set(names)) != len(names):
        raise ValueError("names must be unique, whatever their case")
    if reserved := sorted(_OURS & set(names)):
        raise ValueError(f"must not set {', '.join(reserved)}")
    if any(not _HEADER_VALUE.fullmatch(value) for value in headers.values()):
        raise ValueError("values must be 1-4096 visible ASCII characters, with spaces only inside")
    return headers


Name = Annotated[str, Field(min_length=1, max_length=200)]
HttpsUrl = Annotated[str, AfterValidator(_check_url)]
Headers = Annotated[dict[str, str], Field(max_length=MAX_HEADERS), AfterValidator(_check_headers)]


class McpServerOptions(Strict):
    """The members with a default. `timeout_seconds` bounds each exchange with the server."""

    transport: Transport = "streamable_http"
    timeout_seconds: int = Field(default=20, ge=5, le=60)


class McpServerSettings(McpServerOptions):
    """The writable members but the headers."""

    name: Name
    url: HttpsUrl


class McpServerChanges(McpServerOptions):
    """A change: only the members that were sent count."""

    name: Name = Field(default_factory=str)
    url: HttpsUrl = Field(default_factory=str)


@dataclass(frozen=True)
class McpServer:
    """A saved server. `headers_token` holds the encrypted headers, None when there are none."""

    id: str
    org_id: str
    settings: McpServerSettings
    header_names: Sequence[str]
    headers_token: str | None
    version: int
    created_at: datetime
    updated_at: datetime

    def public(self) -> dict[str, Any]:
        """As responses show it."""
        return {
            "id": self.id,
            **self.settings.model_dump(),
            "header_names": list(self.header_names),
            "created_at": to_wire(self.created_at),
            "updated_at": to_wire(self.updated_at),
        }


def check_move(stored: str, wanted: str, sent: Mapping[str, Any]) -> None:
    """Raise InvalidRequestError when the URL moves to another host and headers meant for the old one would go along."""
    if _host(stored) != _host(wanted) and "headers" not in sent:
        raise InvalidRequestError(details=["headers: required when url moves to another host ({} for none)"])


def _host(url: str) -> tuple[str | None, int]:
    parts = urlsplit(url)
    return parts.hostname, parts.port or 443
