"""The tool template routes, through the real frame."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from functions.assistants.router import router as assistants_router
from functions.tool_templates.router import router
from tests.component.assistants.fixtures import ORG, OTHER_ORG, UNKNOWN_ID, Api, Requests

FUNCTION = {"name": "book_visit", "tool_type": "function", "tool_config": {"url": "https://example.com/book"}}
TRANSFER = {
    "name": "To the desk",
    "tool_type": "transfer_call",
    "tool_config": {"destinations": [{"type": "number", "number": "+31850835037", "description": "the desk"}]},
}


@pytest.fixture
def client(api: Api) -> TestClient:
    return api(router, assistants_router)


def create(client: TestClient, **members: Any) -> dict[str, Any]:
    answer = client.post("tool-templates", json={**FUNCTION, **members})
    assert answer.status_code == 201, answer.text
    template: dict[str, Any] = answer.json()["tool_template"]
    return template


def test_create_shows_what_was_sent(client: TestClient) -> None:
    made = create(client)
    for name in ("id", "created_at", "updated_at"):
        assert made.pop(name)
    assert made == {**FUNCTION, "org_id": ORG, "description": None}


@pytest.mark.parametrize(
    "members",
    [
        {"tool_type": "end_call", "tool_config": {}, "name": "Any name at all"},
        {**TRANSFER},
        {"name": "Any name", "tool_config": {"name": "book", "async": True, "parameters": {"type": "object"}}},
    ],
)
def test_every_kind_is_accepted(client: TestClient, members: dict[str, Any]) -> None:
    assert create(client, **members).items() >= members.items()


def test_deprecated_type_is_stored_in_its_present_spelling(client: TestClient) -> None:
    assert create(client, tool_type="transferCall", tool_config=TRANSFER["tool_config"])["tool_type"] == "transfer_call"


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": "has spaces"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"tool_type": "webhook"}, "tool_type"),
        ({"tool_config": None}, "tool_config"),
        ({"tool_config": {"name": "has spaces"}}, "tool_config.name"),
        ({"tool_config": {"url": "http://10.0.0.1/"}}, "tool_config.url"),
        ({"tool_config": {"parameters": {"type": "string"}}}, "tool_config.parameters"),
        ({"tool_config": {"async": "yes"}}, "tool_config.async"),
        ({"tool_config": {"server": {}}}, "tool_config.server"),
        ({"tool_config": {"description": "x" * 8001}}, "tool_config.description"),
        ({"tool_config": {"parameters": {"type": "object", "description": "x" * 33_000}}}, "tool_config"),
        ({"tool_type": "end_call"}, "tool_config.url"),
        ({"tool_type": "transfer_call"}, "tool_config.destinations"),
        ({"tool_type": "transfer_call", "tool_config": {"destinations": []}}, "tool_config.destinations"),
        ({"id": UNKNOWN_ID}, "id"),
        ({"org_id": OTHER_ORG}, "org_id"),
    ],
)
def test_bad_member_is_named(client: TestClient, members: dict[str, Any], path: str) -> None:
    answer = client.post("tool-templates", json={**FUNCTION, **members})
    assert answer.status_code == 400, answer.text
    assert path in {problem.split(": ")[0] for problem in answer.json()["details"]}


def test_whole_object_can_be_sent_back_with_one_member_changed(client: TestClient) -> None:
    made = create(client, description="Books")
    answer = client.patch(f"tool-templates/{made['id']}", json={**made, "description": None})
    assert answer.status_code == 200, answer.text
    changed = answer.json()["tool_template"]
    assert changed == {**made, "description": None, "updated_at": changed["updated_at"]}
    assert client.get(f"tool-templates/{made['id']}").json() == {"tool_template": changed}


def test_read_only_member_that_differs_is_refused(client: TestClient) -> None:
    made = create(client)
    answer = client.patch(f"tool-templates/{made['id']}", json={"org_id": OTHER_ORG})
    assert (answer.status_code, answer.json()["details"][0].split(":")[0]) == (400, "org_id")


def test_another_type_needs_a_config_of_its_own(client: TestClient) -> None:
    made = create(client)
    refused = client.patch(f"tool-templates/{made['id']}", json={"tool_type": "end_call"})
    assert refused.json()["details"] == ["tool_config: required when tool_type changes"]
    changed = client.patch(f"tool-templates/{made['id']}", json={"tool_type": "end_call", "tool_config": {}})
    assert changed.json()["tool_template"]["tool_config"] == {}


def test_template_an_assistant_uses_is_not_deleted(client: TestClient) -> None:
    made = create(client)
    tools = [{"type": "template", "template_id": made["id"]}]
    llm_config = {"provider": "local", "model": "intents", "tools": tools}
    user = client.post("assistants", json={"name": "Desk", "llm_config": llm_config}).json()["assistant"]
    refused = client.delete(f"tool-templates/{made['id']}")
    assert (refused.status_code, refused.json()["details"]) == (409, ["assistant Desk"])
    client.delete(f"assistants/{user['id']}")
    assert client.delete(f"tool-templates/{made['id']}").json() == {"success": True}
    assert client.delete(f"tool-templates/{made['id']}").status_code == 404


def test_unknown_and_foreign_ids_are_not_found(client: TestClient, api: Api) -> None:
    made = create(client)
    stranger = api(router, org_id=OTHER_ORG)
    for who, template_id in ((client, UNKNOWN_ID), (client, "x%23y"), (stranger, made["id"])):
        assert who.get(f"tool-templates/{template_id}").status_code == 404
        assert who.patch(f"tool-templates/{template_id}", json={"description": "A"}).status_code == 404
        assert who.delete(f"tool-templates/{template_id}").status_code == 404
    assert stranger.get("tool-templates").json() == {"tool_templates": []}
    assert client.get("tool-templates").json() == {"tool_templates": [made]}


def test_routes_stay_within_their_table_requests(client: TestClient, requests_made: Requests) -> None:
    made = create(client)
    assert len(requests_made) <= 3
    for send, limit in (
        (lambda: client.get("tool-templates"), 2),
        (lambda: client.get(f"tool-templates/{made['id']}"), 2),
        (lambda: client.patch(f"tool-templates/{made['id']}", json={"description": "B"}), 3),
        (lambda: client.delete(f"tool-templates/{made['id']}"), 3),
    ):
        requests_made.clear()
        assert send().status_code == 200
        assert len(requests_made) <= limit
