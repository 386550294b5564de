"""Every route with an id, asked by everybody but its owner; and ids of others inside bodies."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from infra.embedded.cloud import cloud_client
from infra.embedded.local_file import LocalPlatform
from sovereign.calls.keys import row_ref
from sovereign.calls.model import CallRef
from sovereign.kernel.writes import Update, present, request_of
from tests.contract.client import Api, named_in
from tests.contract.history import load, make_history
from tests.contract.organizations import Organizations
from tests.contract.resources import (
    ANALYSIS_TEMPLATES,
    ASSISTANTS,
    CAMPAIGNS,
    DOCUMENT,
    MCP_SERVERS,
    NUMBERS,
    RESOURCES,
    TOOL_TEMPLATES,
    TRUNKS,
    UNKNOWN_ID,
    WORKFLOWS,
    fresh_phone_number,
)
from tests.contract.waiting import wait_until

WITH_ID = [
    (method.upper(), path)
    for path, item in DOCUMENT["paths"].items()
    for method in item
    if "{" in path
]  # fmt: skip
TAKES_A_BODY = [
    (path, operation["post"]["requestBody"]["content"]["application/json"]["example"])
    for path, operation in DOCUMENT["paths"].items()
    if "requestBody" in operation.get("post", {})
]
LISTS = sorted({path for path, item in DOCUMENT["paths"].items() if "get" in item and "{" not in path} - {"/health"})
_VOLATILE = {"/openapi.json", "/domains/sync", "/voices"}
"""Nothing of the organization's own is in them."""


@dataclass(frozen=True)
class Owner:
    """An organization with one object of every kind; `ids` by the parameter's name, or its path where names repeat."""

    api: Api
    ids: dict[str, str]

    def path(self, template: str) -> str:
        """A path of the contract with this owner's ids."""
        return re.sub(r"\{(\w+)\}", lambda match: self.ids.get(template, self.ids.get(match[1], "")), template)

    def everything(self) -> dict[str, Any]:
        """All that its lists and objects show, what moves by itself left out."""
        shown = {path: self.api.get(path) for path in LISTS if path not in _VOLATILE}
        return {path: _settled(body) for path, body in shown.items()}


def _settled(body: Any) -> Any:
    for call in body.get("calls", ()):
        call["recording_url"] = call["recording_url"].partition("?")[0]  # the token is another every second
    return {name: value for name, value in body.items() if name != "monthly_usage_minutes"}


@pytest.fixture(scope="module")
def owner(organizations: Organizations, platform: LocalPlatform) -> Iterator[Owner]:
    organization = organizations.create("Owner")
    with organization.client() as api:
        yield Owner(api, _objects(organizations, organization.id, api, platform))


def _objects(organizations: Organizations, org_id: str, api: Api, platform: LocalPlatform) -> dict[str, str]:
    trunk = TRUNKS.create(api)["id"]
    number = NUMBERS.create(api, transfer_trunk_id=trunk)
    organizations.operate("numbers", "verify", "--org", org_id, "--number", number["phone_number"])
    assistant = ASSISTANTS.create(api, webhook_url=f"{platform.webhook_sink_url}/events")["id"]
    campaign = CAMPAIGNS.create(api)["id"]
    listed = api.post("/do-not-call", {"phone_number": fresh_phone_number()})["entry"]["phone_number"]
    order = {"destination": "+31612345678", "assistant_id": assistant}
    api.post("/calls/outbound", order, expect=503)  # nobody carries it: it ends at once, and tells its webhook
    wait_until(lambda: len(_deliveries(api, "delivered")) == 2, 60)
    [call] = api.get("/calls")["calls"]
    _record(organizations, CallRef(org_id, call["id"], 1))
    return {
        "assistant_id": assistant,
        "number_id": number["id"],
        "trunk_id": trunk,
        "workflow_id": WORKFLOWS.create(api)["id"],
        "server_id": MCP_SERVERS.create(api)["id"],
        "/tool-templates/{template_id}": TOOL_TEMPLATES.create(api)["id"],
        "/analysis-templates/{template_id}": ANALYSIS_TEMPLATES.create(api)["id"],
        "campaign_id": campaign,
        "lead_id": api.get(f"/campaigns/{campaign}/leads")["leads"][0]["id"],
        "import_id": api.post(f"/campaigns/{campaign}/imports", {})["import"]["id"],
        "key_id": api.post("/api-keys", {"name": "Second"})["api_key"]["id"],
        "call_id": call["id"],
        "delivery_id": _deliveries(api, "delivered")[0]["id"],
        "number": listed,
    }


def _record(organizations: Organizations, call: CallRef) -> None:
    """What a node leaves of a call it recorded; the call that nobody carried is the organization's first."""
    recorded = Update(row_ref(call), set={"recording": "stored"}, condition=present)
    request = request_of(recorded, organizations.table_name)
    cloud_client("dynamodb", organizations.endpoint).update_item(**request)


def _deliveries(api: Api, status: str) -> list[Any]:
    found: list[Any] = api.get("/webhook-deliveries", status=status)["webhook_deliveries"]
    return found


@pytest.fixture(scope="module")
def outsiders(
    organizations: Organizations, owner: Owner, stranger: Api, platform: LocalPlatform
) -> Iterator[list[Api]]:
    """Another tenant, its child, and a child of the owner's: each by a key of its own."""
    keys = [asked.post("/organizations", {"name": "Child"})["api_key"] for asked in (stranger, owner.api)]
    clients = [Api(platform.api_url, key=key) for key in keys]
    yield [stranger, *clients]
    for client in clients:
        client.http.close()


def test_the_owner_has_an_object_for_every_route(owner: Owner) -> None:
    for _, template in WITH_ID:
        assert all(owner.path(template).split("/")[1:]), template
    assert owner.api.get(owner.path("/calls/{call_id}"))["recording_url"] is not None


@pytest.mark.parametrize(("method", "template"), WITH_ID, ids=lambda part: str(part).strip("/"))
def test_an_id_is_nobody_elses(
    method: str, template: str, owner: Owner, outsiders: list[Api], platform: LocalPlatform
) -> None:
    path = owner.path(template)
    operation = DOCUMENT["paths"][template][method.lower()]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    body = {"json": content["example"]} if content else {}
    before = owner.everything()
    for outsider in outsiders:
        answer = outsider.send(method, path, **body)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), answer.text
    with Api(platform.api_url, key="fl_live_" + "0" * 40) as nobody:
        assert nobody.send(method, path, **body).status_code == 401
    assert owner.everything() == before


def _bodies(ids: dict[str, str]) -> list[tuple[str, dict[str, Any]]]:
    assistant, number = ids["assistant_id"], ids["number_id"]
    tools = [{"type": "template", "template_id": ids["/tool-templates/{template_id}"]}]
    mcp = [{"type": "mcp", "mcp_server_id": ids["server_id"], "allowed_tools": ["slots"]}]
    plan = {"structured_data_plan": {"template_id": ids["/analysis-templates/{template_id}"]}}
    llm = {"provider": "local", "model": "intents"}
    campaign = {
        "name": "x",
        "schedule_start_time": "09:00",
        "schedule_end_time": "10:00",
        "timezone": "UTC",
    }
    node = {"id": "a", "type": "conversation", "instructions": "x"}
    workflow = {"version": 1, "entry_node": "a", "nodes": [{**node, "tools": tools}]}
    return [
        ("/numbers", {"phone_number": "+31201234561", "agent_id": assistant}),
        ("/numbers", {"phone_number": "+31201234562", "transfer_trunk_id": ids["trunk_id"]}),
        ("/numbers", {"phone_number": "+31201234563", "workflow_id": ids["workflow_id"]}),
        ("/assistants", {"name": "x", "llm_config": {**llm, "tools": tools}}),
        ("/assistants", {"name": "x", "llm_config": {**llm, "tools": mcp}}),
        ("/assistants", {"name": "x", "analysis_plan": plan}),
        ("/campaigns", {**campaign, "agent_id": assistant}),
        ("/calls/outbound", {"destination": "+31612345678", "assistant_id": assistant}),
        ("/calls/outbound", {"destination": "+31612345678", "assistant_id": UNKNOWN_ID, "number_id": number}),
        ("/workflows", {"name": "x", "definition": workflow}),
    ]


@pytest.mark.parametrize("place", range(10))
def test_an_id_inside_a_body_is_as_good_as_unknown(place: int, owner: Owner, stranger: Api) -> None:
    path, body = _bodies(owner.ids)[place]
    _, unknown = _bodies(dict.fromkeys(owner.ids, UNKNOWN_ID))[place]
    theirs, nobodys = stranger.send("POST", path, json=body), stranger.send("POST", path, json=unknown)
    assert theirs.status_code in {400, 404}, theirs.text
    assert (theirs.status_code, theirs.json()) == (nobodys.status_code, nobodys.json())


PLANTED = {
    "id": UNKNOWN_ID,
    "org_id": UNKNOWN_ID,
    "created_at": "2020-01-01T00:00:00.000Z",
    "updated_at": "2020-01-01T00:00:00.000Z",
    "minutes_balance": 1_000_000,
    "version": 7,
    "ref_count": 7,
    "pk": "ORG#x",
    "sk": "ORGANIZATION",
}


@pytest.mark.parametrize("resource", RESOURCES, ids=str)
@pytest.mark.parametrize("member", PLANTED)
def test_what_is_not_a_clients_to_set_is_refused(resource: Any, member: str, api: Api) -> None:
    planted = {member: PLANTED[member]}
    assert named_in(api.post(resource.path, resource.body(api) | planted, expect=400)) == {member}
    made = resource.create(api)
    assert named_in(api.patch(resource.at(made), planted, expect=400)) == {member}
    assert resource.read(api, made) == made


@pytest.mark.parametrize(("path", "body"), TAKES_A_BODY, ids=lambda part: part if isinstance(part, str) else "")
def test_no_body_takes_what_is_not_a_clients_to_set(path: str, body: dict[str, Any], api: Api) -> None:
    refused = api.post(re.sub(r"\{\w+\}", UNKNOWN_ID, path), body | PLANTED, expect=400)
    assert {name.rpartition(".")[2] for name in named_in(refused)} == PLANTED.keys()


@pytest.mark.parametrize("member", sorted(PLANTED.keys() - {"id"}))
def test_an_organization_cannot_set_what_is_not_its_own(member: str, api: Api) -> None:
    before = api.get("/organizations")
    assert named_in(api.patch("/organizations", {member: PLANTED[member]}, expect=400)) == {member}
    assert api.get("/organizations") == before


def test_calls_of_a_child_are_not_its_parents(organizations: Organizations, api: Api, platform: LocalPlatform) -> None:
    child = api.post("/organizations", {"name": "Branch"})
    history = make_history(child["id"], 3, seed=1)
    load(cloud_client("dynamodb", organizations.endpoint), organizations.table_name, history.items())
    with Api(platform.api_url, key=child["api_key"]) as branch:
        calls = branch.get("/calls")["calls"]
        assert len(calls) == 3
        api.get(f"/calls/{calls[0]['id']}", expect=404)
