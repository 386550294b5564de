"""The number routes, through the real frame."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from functions.assistants.router import router as assistants
from functions.numbers.router import router as numbers
from functions.sip_trunks.router import router as trunks
from sovereign.kernel.table import Ref, Table
from tests.component.assistants.fixtures import ORG, OTHER_ORG, UNKNOWN_ID, Api, Requests

PHONE = "+31850835037"
OTHER_PHONE = "+31850835038"


@pytest.fixture
def client(api: Api) -> TestClient:
    return api(numbers, assistants, trunks)


def make(client: TestClient, path: str, kind: str, **members: Any) -> dict[str, Any]:
    answer = client.post(path, json=members)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()[kind]
    return made


def make_used(client: TestClient) -> tuple[dict[str, Any], dict[str, Any]]:
    agent = make(client, "assistants", "assistant", name="Desk", business_name="Acme")
    trunk = make(client, "sip-trunks", "trunk", name="Carrier", provider="acme", address="sip.example.com")
    return agent, trunk


def test_create_shows_names_of_what_it_uses(client: TestClient) -> None:
    agent, trunk = make_used(client)
    made = make(
        client,
        "numbers",
        "number",
        phone_number=PHONE,
        name="Main",
        agent_id=agent["id"],
        transfer_trunk_id=trunk["id"],
    )
    times = {"created_at": made["created_at"], "updated_at": made["updated_at"]}
    assert made == {
        "id": made["id"],
        "phone_number": PHONE,
        "name": "Main",
        "agent_id": agent["id"],
        "agent_name": "Desk",
        "assistant_id": agent["id"],
        "assistant_name": "Desk",
        "business_name": "Acme",
        "transfer_trunk_id": trunk["id"],
        "transfer_trunk_name": "Carrier",
        "workflow_id": None,
        "workflow_name": None,
        "source": None,
        "is_active": True,
        "verification": "pending",
        **times,
    }
    assert client.get(f"numbers/{made['id']}").json() == {"number": made}
    assert client.get("numbers").json() == {"numbers": [made]}


def test_both_spellings_of_the_assistant_are_taken(client: TestClient) -> None:
    agent, _ = make_used(client)
    made = make(client, "numbers", "number", phone_number=PHONE, assistant_id=agent["id"])
    assert made["agent_id"] == agent["id"]
    both = {"phone_number": OTHER_PHONE, "assistant_id": agent["id"], "agent_id": UNKNOWN_ID}
    assert client.post("numbers", json=both).status_code == 400


@pytest.mark.parametrize(
    "phone", ["0850835037", "+31", "+31 85 083 5037", "+318508350371234", "tel:+31850835037", "+31112", 5]
)
def test_phone_number_must_be_valid_e164(client: TestClient, phone: Any) -> None:
    answer = client.post("numbers", json={"phone_number": phone})
    assert (answer.status_code, answer.json()["details"][0].split(":")[0]) == (400, "phone_number")


def test_unknown_resources_are_all_named(client: TestClient) -> None:
    body = {"phone_number": PHONE, "agent_id": UNKNOWN_ID, "transfer_trunk_id": UNKNOWN_ID, "workflow_id": UNKNOWN_ID}
    answer = client.post("numbers", json=body)
    assert answer.json()["details"] == [
        "agent_id: no such assistant",
        "transfer_trunk_id: no such trunk",
        "workflow_id: no such workflow",
    ]
    made = make(client, "numbers", "number", phone_number=PHONE)
    del body["phone_number"]
    assert client.patch(f"numbers/{made['id']}", json=body).json()["details"] == answer.json()["details"]


def test_other_organizations_resources_cannot_be_used(client: TestClient, api: Api) -> None:
    agent, _ = make_used(api(assistants, trunks, org_id=OTHER_ORG))
    answer = client.post("numbers", json={"phone_number": PHONE, "agent_id": agent["id"]})
    assert answer.json()["details"] == ["agent_id: no such assistant"]


def test_second_registration_in_one_organization_conflicts(client: TestClient) -> None:
    make(client, "numbers", "number", phone_number=PHONE)
    assert client.post("numbers", json={"phone_number": PHONE}).status_code == 409


def test_pending_number_may_be_held_by_several_organizations(client: TestClient, api: Api) -> None:
    make(client, "numbers", "number", phone_number=PHONE)
    assert make(api(numbers, org_id=OTHER_ORG), "numbers", "number", phone_number=PHONE)["verification"] == "pending"


def test_deleted_number_can_be_registered_again(client: TestClient, table: Table) -> None:
    made = make(client, "numbers", "number", phone_number=PHONE)
    assert client.delete(f"numbers/{made['id']}").json() == {"success": True}
    assert client.get(f"numbers/{made['id']}").status_code == 404
    assert table.page(f"PHONE#{PHONE}").items == []
    make(client, "numbers", "number", phone_number=PHONE)


def test_assistant_and_trunk_in_use_are_not_deleted(client: TestClient) -> None:
    agent, trunk = make_used(client)
    made = make(client, "numbers", "number", phone_number=PHONE, agent_id=agent["id"], transfer_trunk_id=trunk["id"])
    for path in (f"assistants/{agent['id']}", f"sip-trunks/{trunk['id']}"):
        answer = client.delete(path)
        assert (answer.status_code, answer.json()["details"]) == (409, [f"number {PHONE}"])
    client.patch(f"numbers/{made['id']}", json={"agent_id": None})
    assert client.delete(f"assistants/{agent['id']}").status_code == 200
    client.delete(f"numbers/{made['id']}")
    assert client.delete(f"sip-trunks/{trunk['id']}").status_code == 200


def test_moving_to_another_assistant_frees_the_first(client: TestClient) -> None:
    first, second = (make(client, "assistants", "assistant", name=name) for name in ("A", "B"))
    made = make(client, "numbers", "number", phone_number=PHONE, agent_id=first["id"])
    changed = client.patch(f"numbers/{made['id']}", json={"assistant_id": second["id"]}).json()["number"]
    assert (changed["agent_id"], changed["agent_name"]) == (second["id"], "B")
    assert client.delete(f"assistants/{first['id']}").status_code == 200
    assert client.delete(f"assistants/{second['id']}").status_code == 409


def test_whole_object_can_be_sent_back(client: TestClient) -> None:
    agent, trunk = make_used(client)
    made = make(client, "numbers", "number", phone_number=PHONE, agent_id=agent["id"], transfer_trunk_id=trunk["id"])
    answer = client.patch(f"numbers/{made['id']}", json={**made, "name": "Renamed"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["number"] == {**made, "name": "Renamed", "updated_at": answer.json()["number"]["updated_at"]}
    assert client.patch(f"numbers/{made['id']}", json={"phone_number": OTHER_PHONE}).status_code == 400
    assert client.patch(f"numbers/{made['id']}", json={"verification": "verified"}).status_code == 400


def test_foreign_and_unknown_ids_are_not_found(client: TestClient, api: Api) -> None:
    made = make(client, "numbers", "number", phone_number=PHONE)
    stranger = api(numbers, org_id=OTHER_ORG)
    for who, number_id in ((client, UNKNOWN_ID), (client, "nonsense"), (stranger, made["id"])):
        assert who.get(f"numbers/{number_id}").status_code == 404
        assert who.patch(f"numbers/{number_id}", json={"name": "A"}).status_code == 404
        assert who.delete(f"numbers/{number_id}").status_code == 404


def test_routes_stay_within_their_table_requests(client: TestClient, requests_made: Requests) -> None:
    agent, trunk = make_used(client)
    requests_made.clear()
    made = make(client, "numbers", "number", phone_number=PHONE, agent_id=agent["id"], transfer_trunk_id=trunk["id"])
    assert len(requests_made) <= 3
    for send, limit in (
        (lambda: client.get("numbers"), 2),
        (lambda: client.get(f"numbers/{made['id']}"), 2),
        (lambda: client.patch(f"numbers/{made['id']}", json={"agent_id": None, "name": "B"}), 3),
        (lambda: client.delete(f"numbers/{made['id']}"), 3),
    ):
        requests_made.clear()
        assert send().status_code == 200
        assert len(requests_made) <= limit


def test_active_numbers_are_counted(client: TestClient, table: Table) -> None:
    def count() -> int:
        return (table.get(Ref(f"ORG#{ORG}", "COUNTERS")) or {}).get("active_numbers", 0)

    made = make(client, "numbers", "number", phone_number=PHONE)
    make(client, "numbers", "number", phone_number=OTHER_PHONE, is_active=False)
    assert count() == 1
    client.patch(f"numbers/{made['id']}", json={"is_active": False})
    assert count() == 0
    client.delete(f"numbers/{made['id']}")
    assert count() == 0
