"""The analysis template routes, through the real frame."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from functions.analysis_templates.router import router
from functions.assistants.router import router as assistants_router
from tests.component.assistants.fixtures import ORG, OTHER_ORG, UNKNOWN_ID, Api, Requests

TEMPLATE = {
    "name": "Mood",
    "system_prompt": "You judge calls.",
    "user_prompt": 'Answer like {"mood": "good"}: {transcript}',
    "schema": {"type": "object", "properties": {"mood": {"enum": ["good", "bad"]}}},
}


@pytest.fixture
def client(api: Api) -> TestClient:
    return api(router, assistants_router)


def create(client: TestClient, **members: Any) -> dict[str, Any]:
    answer = client.post("analysis-templates", json={**TEMPLATE, **members})
    assert answer.status_code == 201, answer.text
    template: dict[str, Any] = answer.json()["analysis_template"]
    return template


def test_create_shows_what_was_sent(client: TestClient) -> None:
    made = create(client)
    for name in ("id", "created_at", "updated_at"):
        assert made.pop(name)
    assert made == {**TEMPLATE, "org_id": ORG, "description": None}


@pytest.mark.parametrize("missing", ["name", "system_prompt", "user_prompt", "schema"])
def test_required_member_is_named(client: TestClient, missing: str) -> None:
    body = {name: value for name, value in TEMPLATE.items() if name != missing}
    answer = client.post("analysis-templates", json=body)
    assert (answer.status_code, answer.json()["details"][0].split(": ")[0]) == (400, missing)


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"name": ""}, "name"),
        ({"system_prompt": ""}, "system_prompt"),
        ({"user_prompt": "x" * 20_001}, "user_prompt"),
        ({"schema": {"type": "nonsense"}}, "schema"),
        ({"schema": {"$ref": "https://example.com/schema"}}, "schema"),
        ({"schema": {"description": "x" * 66_000}}, "schema"),
        ({"schema": []}, "schema"),
        ({"json_schema": {}}, "json_schema"),
        ({"org_id": OTHER_ORG}, "org_id"),
    ],
)
def test_bad_member_is_named(client: TestClient, members: dict[str, Any], path: str) -> None:
    answer = client.post("analysis-templates", json={**TEMPLATE, **members})
    assert answer.status_code == 400, answer.text
    assert path in {problem.split(": ")[0] for problem in answer.json()["details"]}


@pytest.mark.parametrize("member", ["name", "system_prompt", "user_prompt", "schema"])
def test_required_member_cannot_be_cleared(client: TestClient, member: str) -> None:
    made = create(client)
    answer = client.patch(f"analysis-templates/{made['id']}", json={member: None})
    assert (answer.status_code, answer.json()["details"][0].split(": ")[0]) == (400, member)


def test_whole_object_can_be_sent_back_with_one_member_changed(client: TestClient) -> None:
    made = create(client, description="Says how it went")
    schema = {"type": "object", "properties": {"secret": {"type": "string"}}}
    answer = client.patch(f"analysis-templates/{made['id']}", json={**made, "description": None, "schema": schema})
    assert answer.status_code == 200, answer.text
    changed = answer.json()["analysis_template"]
    assert changed == {**made, "description": None, "schema": schema, "updated_at": changed["updated_at"]}
    assert client.get("analysis-templates").json() == {"analysis_templates": [changed]}


def test_template_an_assistant_uses_is_not_deleted(client: TestClient) -> None:
    made = create(client)
    plan = {"structured_data_plan": {"enabled": True, "template_id": made["id"]}}
    user = client.post("assistants", json={"name": "Desk", "analysis_plan": plan})
    assert user.status_code == 201, user.text
    refused = client.delete(f"analysis-templates/{made['id']}")
    assert (refused.status_code, refused.json()["details"]) == (409, ["assistant Desk"])
    client.patch(f"assistants/{user.json()['assistant']['id']}", json={"analysis_plan": None})
    assert client.delete(f"analysis-templates/{made['id']}").json() == {"success": True}


def test_unknown_and_foreign_ids_are_not_found(client: TestClient, api: Api) -> None:
    made = create(client)
    stranger = api(router, org_id=OTHER_ORG)
    for who, template_id in ((client, UNKNOWN_ID), (client, "x%23y"), (stranger, made["id"])):
        assert who.get(f"analysis-templates/{template_id}").status_code == 404
        assert who.patch(f"analysis-templates/{template_id}", json={"description": "A"}).status_code == 404
        assert who.delete(f"analysis-templates/{template_id}").status_code == 404
    assert stranger.get("analysis-templates").json() == {"analysis_templates": []}
    assert client.get(f"analysis-templates/{made['id']}").json() == {"analysis_template": made}


def test_routes_stay_within_their_table_requests(client: TestClient, requests_made: Requests) -> None:
    made = create(client)
    assert len(requests_made) <= 3
    for send, limit in (
        (lambda: client.get("analysis-templates"), 2),
        (lambda: client.get(f"analysis-templates/{made['id']}"), 2),
        (lambda: client.patch(f"analysis-templates/{made['id']}", json={"name": "B"}), 3),
        (lambda: client.delete(f"analysis-templates/{made['id']}"), 3),
    ):
        requests_made.clear()
        assert send().status_code == 200
        assert len(requests_made) <= limit
