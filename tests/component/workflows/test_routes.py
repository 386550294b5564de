"""The workflow routes, through the real frame."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from functions.numbers.router import router as numbers
from functions.workflows.router import router
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.table import Put, Ref, Table
from sovereign.workflows import WorkflowStore
from tests.component.assistants.fixtures import ORG, OTHER_ORG, UNKNOWN_ID, Api, Requests
from tests.unit.workflows.definitions import reception

MASK = "whsec_...cdef"


@pytest.fixture
def client(api: Api) -> TestClient:
    return api(router, numbers)


def create(client: TestClient, **members: Any) -> dict[str, Any]:
    answer = client.post("workflows", json={"name": "Reception", "definition": reception(), **members})
    assert answer.status_code == 201, answer.text
    workflow: dict[str, Any] = answer.json()["workflow"]
    return workflow


def secret_of(definition: dict[str, Any]) -> str:
    secret: str = definition["nodes"][0]["tools"][0]["server"]["secret"]
    return secret


def test_create_and_get_show_the_whole(client: TestClient) -> None:
    made = create(client)
    assert client.get(f"workflows/{made['id']}").json() == {"workflow": made}
    shown = reception()
    shown["nodes"][0]["tools"][0]["server"]["secret"] = MASK
    assert made["definition"] == shown
    assert (made["is_active"], made["entry_node"], made["node_count"], made["edge_count"]) == (True, "reception", 5, 3)


def test_list_shows_summaries_newest_first(client: TestClient) -> None:
    made = [create(client, name=name) for name in ("First", "Second")]
    listed = client.get("workflows").json()["workflows"]
    assert sorted(w["id"] for w in listed) == sorted(w["id"] for w in made)
    assert [w["created_at"] for w in listed] == sorted((w["created_at"] for w in made), reverse=True)
    assert listed[0].keys() == made[0].keys() - {"definition"}


def test_invalid_definition_is_answered_with_every_problem(client: TestClient) -> None:
    definition = reception()
    definition["edges"][0]["to"] = "nowhere"
    definition["nodes"][2]["destination"] = "123"
    answer = client.post("workflows", json={"name": "", "definition": definition})
    assert answer.status_code == 400
    assert {d.split(": ")[0] for d in answer.json()["details"]} >= {
        "name",
        "definition.edges[0].to",
        "definition.nodes[2].destination",
    }


def test_active_workflow_is_saved_without_a_warning(client: TestClient) -> None:
    body = {"name": "W", "definition": reception()}
    assert "warnings" not in client.post("workflows", json=body).json()
    assert "warnings" not in client.post("workflows", json={**body, "is_active": False}).json()


def test_secret_lies_encrypted_and_its_mask_keeps_it(client: TestClient, table: Table, cipher: Cipher) -> None:
    made = create(client)
    store = WorkflowStore(table, cipher)
    assert "0123456789abcdef" not in str(table.get(Ref(f"ORG#{ORG}", f"WORKFLOW#{made['id']}")))
    moved = made["definition"]
    moved["nodes"].reverse()
    moved["nodes"][-1]["tools"].insert(0, {"name": "other", "description": "x"})
    answer = client.patch(f"workflows/{made['id']}", json={"definition": moved})
    assert answer.status_code == 200, answer.text
    kept = store.unsealed(store.get(ORG, made["id"])).stored()
    assert kept["nodes"][-1]["tools"][1]["server"]["secret"] == "whsec_0123456789abcdef"


def test_mask_of_another_secret_is_refused(client: TestClient) -> None:
    definition = reception()
    definition["nodes"][0]["tools"][0]["server"]["secret"] = "whsec_...0000"
    answer = client.post("workflows", json={"name": "W", "definition": definition})
    assert answer.status_code == 400
    assert answer.json()["details"][0].startswith("definition.nodes.reception.tools.look_up.server.secret: ")


def test_schema_property_called_secret_is_left_alone(client: TestClient) -> None:
    definition = reception()
    schema = {"type": "object", "properties": {"headers": {"type": "object"}, "secret": {"type": "string"}}}
    definition["nodes"][0]["tools"][0] = {"name": "t", "description": "", "parameters": schema}
    made = create(client, definition=definition)
    assert made["definition"]["nodes"][0]["tools"][0]["parameters"] == schema


def test_secret_in_free_arguments_is_masked(client: TestClient, table: Table, cipher: Cipher) -> None:
    definition = reception()
    arguments = {"api_key": "0123456789abcdefXY", "headers": {"X-Key": "short"}, "secret": [4321, {"pin": True}]}
    definition["nodes"][1]["arguments"] = arguments
    made = create(client, definition=definition)
    shown = {"api_key": "...efXY", "headers": {"X-Key": "..."}, "secret": ["...", {"pin": "..."}]}
    assert made["definition"]["nodes"][1]["arguments"] == shown
    client.patch(f"workflows/{made['id']}", json={"definition": made["definition"]})
    store = WorkflowStore(table, cipher)
    assert store.unsealed(store.get(ORG, made["id"])).stored()["nodes"][1]["arguments"] == arguments


def test_patch_changes_only_what_is_sent(client: TestClient) -> None:
    made = create(client)
    changed = client.patch(f"workflows/{made['id']}", json={"is_active": False}).json()["workflow"]
    assert changed == {**made, "is_active": False, "updated_at": changed["updated_at"]}
    whole = client.patch(f"workflows/{made['id']}", json={**changed, "name": "Renamed"})
    assert whole.status_code == 200, whole.text
    assert whole.json()["workflow"]["definition"] == made["definition"]


@pytest.mark.parametrize(
    "members", [{"name": None}, {"definition": None}, {"is_active": None}, {"node_count": 9}, {"x": 1}]
)
def test_bad_patch_is_named(client: TestClient, members: dict[str, Any]) -> None:
    made = create(client)
    answer = client.patch(f"workflows/{made['id']}", json=members)
    assert answer.status_code == 400
    assert answer.json()["details"][0].split(": ")[0] == next(iter(members))


def test_workflow_of_numbers_is_not_deleted(client: TestClient) -> None:
    made = create(client)
    numbers_made = [
        client.post("numbers", json={"phone_number": number, "workflow_id": made["id"]}).json()["number"]
        for number in ("+31850835037", "+31850835038")
    ]
    assert numbers_made[0]["workflow_name"] == "Reception"
    answer = client.delete(f"workflows/{made['id']}")
    assert answer.status_code == 409
    assert answer.json()["message"] == (
        "Workflow is attached to 2 phone numbers. Detach it first (PATCH /numbers/{id} with workflow_id: null)."
    )
    assert sorted(answer.json()["details"]) == ["number +31850835037", "number +31850835038"]
    for number in numbers_made:
        client.patch(f"numbers/{number['id']}", json={"workflow_id": None})
    assert client.delete(f"workflows/{made['id']}").json() == {"success": True}
    assert client.get(f"workflows/{made['id']}").status_code == 404


def test_tools_of_the_organization_are_counted_as_used(client: TestClient, table: Table) -> None:
    server = Ref(f"ORG#{ORG}", f"MCP_SERVER#{UNKNOWN_ID}")
    definition = reception()
    definition["nodes"][0]["tools"] = [{"type": "mcp", "mcp_server_id": UNKNOWN_ID, "allowed_tools": ["a"]}]
    refused = client.post("workflows", json={"name": "W", "definition": definition})
    assert refused.json()["details"] == ["definition.nodes[0].tools[0].mcp_server_id: no such mcp server"]
    table.put(Put({**server._asdict(), "ref_count": 0}))
    made = create(client, definition=definition)
    assert (table.get(server) or {})["ref_count"] == 1
    client.patch(f"workflows/{made['id']}", json={"definition": reception()})
    assert (table.get(server) or {})["ref_count"] == 0
    client.patch(f"workflows/{made['id']}", json={"definition": definition})
    client.delete(f"workflows/{made['id']}")
    assert (table.get(server) or {})["ref_count"] == 0


def test_unknown_and_foreign_ids_are_not_found(client: TestClient, api: Api) -> None:
    made = create(client)
    stranger = api(router, org_id=OTHER_ORG)
    for who, workflow_id in ((client, UNKNOWN_ID), (client, "x"), (stranger, made["id"])):
        assert who.get(f"workflows/{workflow_id}").status_code == 404
        assert who.patch(f"workflows/{workflow_id}", json={"name": "A"}).status_code == 404
        assert who.delete(f"workflows/{workflow_id}").status_code == 404
    assert stranger.get("workflows").json() == {"workflows": []}
    assert client.get(f"workflows/{made['id']}").json() == {"workflow": made}


def test_definition_past_its_bound_is_too_large(client: TestClient) -> None:
    definition = reception()
    definition["nodes"][0]["instructions"] = "x" * (350 * 1024)
    assert client.post("workflows", json={"name": "W", "definition": definition}).status_code == 413


def test_many_secrets_are_bounded_with_what_they_take_encrypted(client: TestClient) -> None:
    made = create(client)
    definition = reception()
    definition["nodes"][1]["arguments"] = {"secret": [n % 10 for n in range(3500)]}
    refused = client.patch(f"workflows/{made['id']}", json={"definition": definition})
    assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")


def test_routes_stay_within_their_table_requests(client: TestClient, requests_made: Requests) -> None:
    made = create(client)
    assert len(requests_made) <= 3
    for send, limit in (
        (lambda: client.get("workflows"), 2),
        (lambda: client.get(f"workflows/{made['id']}"), 2),
        (lambda: client.patch(f"workflows/{made['id']}", json={"definition": reception()}), 3),
        (lambda: client.delete(f"workflows/{made['id']}"), 3),
    ):
        requests_made.clear()
        assert send().status_code == 200
        assert len(requests_made) <= limit
