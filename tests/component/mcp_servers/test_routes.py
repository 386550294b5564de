"""The MCP server routes, through the real frame."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from functions.assistants.router import router as assistants
from functions.mcp_servers.router import router
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.table import Ref, Table
from sovereign.mcp_servers import McpServerStore
from tests.component.assistants.fixtures import ORG, OTHER_ORG, UNKNOWN_ID, Api, Requests

SERVER = {"name": "Calendar", "url": "https://mcp.example.com/mcp"}
SECRET = "Bearer 0123456789abcdef"


@pytest.fixture
def client(api: Api) -> TestClient:
    return api(router, assistants)


def create(client: TestClient, **members: Any) -> dict[str, Any]:
    answer = client.post("mcp-servers", json={**SERVER, **members})
    assert answer.status_code == 201, answer.text
    server: dict[str, Any] = answer.json()["mcp_server"]
    return server


def test_create_shows_every_default(client: TestClient) -> None:
    made = create(client)
    assert client.get(f"mcp-servers/{made['id']}").json() == {"mcp_server": made}
    assert client.get("mcp-servers").json() == {"mcp_servers": [made]}
    for name in ("id", "created_at", "updated_at"):
        assert made.pop(name)
    assert made == {**SERVER, "transport": "streamable_http", "timeout_seconds": 20, "header_names": []}


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"url": "http://mcp.example.com"}, "url"),
        ({"url": "https://10.0.0.1/mcp"}, "url"),
        ({"url": "https://[::1]/mcp"}, "url"),
        ({"url": "https://2130706433/mcp"}, "url"),
        ({"url": "https://user:pass@mcp.example.com"}, "url"),
        ({"url": "mcp.example.com"}, "url"),
        ({"transport": "stdio"}, "transport"),
        ({"timeout_seconds": 4}, "timeout_seconds"),
        ({"timeout_seconds": 61}, "timeout_seconds"),
        ({"headers": {f"X-{i}": "v" for i in range(11)}}, "headers"),
        ({"headers": {"X Y": "v"}}, "headers"),
        ({"headers": {"X-A": "v\r\nHost: evil"}}, "headers"),
        ({"headers": {"X-A": ""}}, "headers"),
        ({"headers": {"X-A": "v", "x-a": "w"}}, "headers"),
        ({"headers": {"Host": "evil"}}, "headers"),
        ({"headers": {"X-A": 5}}, "headers.X-A"),
        ({"headers": None}, "headers"),
        ({"header_names": ["X"]}, "header_names"),
    ],
)
def test_bad_member_is_named(client: TestClient, members: dict[str, Any], path: str) -> None:
    answer = client.post("mcp-servers", json={**SERVER, **members})
    assert answer.status_code == 400
    assert answer.json()["details"][0].split(": ")[0] == path


@pytest.mark.parametrize(
    "members",
    [
        {"timeout_seconds": 5, "transport": "sse"},
        {"timeout_seconds": 60, "headers": {f"X-{i}": "v" for i in range(10)}},
        {"url": "https://does-not-resolve.example:8443/mcp?x=1"},
    ],
)
def test_bounds_are_accepted(client: TestClient, members: dict[str, Any]) -> None:
    create(client, **members)


def test_headers_are_never_shown_and_lie_encrypted(client: TestClient, table: Table, cipher: Cipher) -> None:
    made = create(client, headers={"X-Team": "blue", "Authorization": SECRET})
    assert made["header_names"] == ["Authorization", "X-Team"]
    assert "headers" not in made
    assert "0123456789" not in str(table.get(Ref(f"ORG#{ORG}", f"MCP_SERVER#{made['id']}")))
    store = McpServerStore(table, cipher)
    assert store.headers(store.get(ORG, made["id"])) == {"X-Team": "blue", "Authorization": SECRET}


def test_headers_are_replaced_as_a_whole(client: TestClient, table: Table, cipher: Cipher) -> None:
    made = create(client, headers={"Authorization": SECRET})
    store = McpServerStore(table, cipher)
    changed = client.patch(f"mcp-servers/{made['id']}", json={"headers": {"X-New": "1"}}).json()["mcp_server"]
    assert changed["header_names"] == ["X-New"]
    assert store.headers(store.get(ORG, made["id"])) == {"X-New": "1"}
    client.patch(f"mcp-servers/{made['id']}", json={"headers": {}})
    assert store.headers(store.get(ORG, made["id"])) == {}


@pytest.mark.parametrize("url", ["https://evil.example.com/mcp", "https://mcp.example.com:8443/mcp"])
def test_move_to_another_host_needs_headers(client: TestClient, url: str) -> None:
    made = create(client, headers={"Authorization": SECRET})
    refused = client.patch(f"mcp-servers/{made['id']}", json={"url": url})
    assert (refused.status_code, refused.json()["details"][0].split(": ")[0]) == (400, "headers")
    assert client.get(f"mcp-servers/{made['id']}").json() == {"mcp_server": made}
    moved = client.patch(f"mcp-servers/{made['id']}", json={"url": url, "headers": {}})
    assert (moved.json()["mcp_server"]["url"], moved.json()["mcp_server"]["header_names"]) == (url, [])


def test_move_on_the_same_host_keeps_the_headers(client: TestClient) -> None:
    made = create(client, headers={"Authorization": SECRET})
    answer = client.patch(f"mcp-servers/{made['id']}", json={"url": "https://MCP.example.com:443/v2"})
    assert answer.json()["mcp_server"]["header_names"] == ["Authorization"]


def test_whole_object_can_be_sent_back(client: TestClient) -> None:
    made = create(client, headers={"Authorization": SECRET})
    answer = client.patch(f"mcp-servers/{made['id']}", json={**made, "timeout_seconds": 30})
    assert answer.status_code == 200, answer.text
    assert answer.json()["mcp_server"]["timeout_seconds"] == 30


def test_name_is_unique_within_the_organization(client: TestClient, api: Api) -> None:
    made, other = create(client), create(client, name="Other")
    assert client.post("mcp-servers", json=SERVER).status_code == 409
    assert client.patch(f"mcp-servers/{other['id']}", json={"name": "Calendar"}).status_code == 409
    assert client.patch(f"mcp-servers/{other['id']}", json={"name": "Other"}).status_code == 200
    assert api(router, org_id=OTHER_ORG).post("mcp-servers", json=SERVER).status_code == 201
    client.patch(f"mcp-servers/{made['id']}", json={"name": "Renamed"})
    assert client.patch(f"mcp-servers/{other['id']}", json={"name": "Calendar"}).status_code == 200
    client.delete(f"mcp-servers/{made['id']}")
    create(client, name="Renamed")


def test_server_of_an_assistant_is_not_deleted(client: TestClient) -> None:
    made = create(client)
    tool = {"type": "mcp", "mcp_server_id": made["id"], "allowed_tools": ["book"]}
    llm = {"provider": "local", "model": "intents", "tools": [tool]}
    agent = client.post("assistants", json={"name": "Desk", "llm_config": llm}).json()["assistant"]
    answer = client.delete(f"mcp-servers/{made['id']}")
    assert (answer.status_code, answer.json()["details"]) == (409, ["assistant Desk"])
    client.delete(f"assistants/{agent['id']}")
    assert client.delete(f"mcp-servers/{made['id']}").json() == {"success": True}


def test_unknown_and_foreign_ids_are_not_found(client: TestClient, api: Api) -> None:
    made = create(client)
    stranger = api(router, org_id=OTHER_ORG)
    for who, server_id in ((client, UNKNOWN_ID), (client, "x"), (stranger, made["id"])):
        assert who.get(f"mcp-servers/{server_id}").status_code == 404
        assert who.patch(f"mcp-servers/{server_id}", json={"name": "A"}).status_code == 404
        assert who.delete(f"mcp-servers/{server_id}").status_code == 404
        assert who.post(f"mcp-servers/{server_id}/test").status_code == 404
    assert client.get("mcp-servers").json() == {"mcp_servers": [made]}


def test_routes_stay_within_their_table_requests(client: TestClient, requests_made: Requests) -> None:
    requests_made.clear()
    made = create(client)
    assert len(requests_made) <= 3
    for send, limit in (
        (lambda: client.get("mcp-servers"), 2),
        (lambda: client.get(f"mcp-servers/{made['id']}"), 2),
        (lambda: client.patch(f"mcp-servers/{made['id']}", json={"name": "Y"}), 3),
        (lambda: client.delete(f"mcp-servers/{made['id']}"), 3),
    ):
        requests_made.clear()
        assert send().status_code == 200
        assert len(requests_made) <= limit
