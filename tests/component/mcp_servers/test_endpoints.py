"""Where a call finds its organization's MCP servers."""

from media.directory import TableDirectory
from sovereign.calls import CallStore
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.table import Table
from sovereign.mcp_servers.model import McpServerSettings
from sovereign.mcp_servers.store import McpServerStore
from tests.component.assistants.fixtures import ORG, OTHER_ORG, UNKNOWN_ID


def test_servers_of_the_organization_are_found_with_their_headers(table: Table, cipher: Cipher) -> None:
    store = McpServerStore(table, cipher)
    settings = McpServerSettings(name="calendar", url="https://mcp.example.com/mcp", timeout_seconds=7)
    own = store.create(ORG, settings, {"Authorization": "Bearer s3cret"})
    other = store.create(OTHER_ORG, settings, {})
    directory = TableDirectory(table, cipher, CallStore(table, cipher=cipher))
    (found,) = directory.mcp_endpoints(ORG, {own.id.upper(), other.id, UNKNOWN_ID})
    assert (found.server_id, found.url, found.timeout_seconds) == (own.id, settings.url, 7.0)
    assert found.headers == {"Authorization": "Bearer s3cret"}
    assert "s3cret" not in repr(found)
