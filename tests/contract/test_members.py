"""Each member of the newer resources: changed, cleared where it can be, and held to its bounds."""

from typing import Any

import pytest

from tests.contract.client import Api, named_in
from tests.contract.resources import (
    ANALYSIS_TEMPLATES,
    CAMPAIGNS,
    MCP_SERVERS,
    NUMBERS,
    RETRY,
    TOOL_TEMPLATES,
    TRUNKS,
    WORKFLOWS,
    Resource,
    fresh_phone_number,
)

SETTABLE: list[tuple[Resource, dict[str, Any]]] = [
    (TOOL_TEMPLATES, {"name": "n" * 64}),
    (TOOL_TEMPLATES, {"description": "\u202e\U0001f600 \u0645\u0631\u062d\u0628\u0627"}),
    (TOOL_TEMPLATES, {"description": None}),
    (TOOL_TEMPLATES, {"tool_type": "end_call", "tool_config": {}}),
    (ANALYSIS_TEMPLATES, {"name": "x" * 200}),
    (ANALYSIS_TEMPLATES, {"description": None}),
    (ANALYSIS_TEMPLATES, {"system_prompt": "s" * 20_000}),
    (ANALYSIS_TEMPLATES, {"user_prompt": "{summary} {duration} {caller_number}"}),
    (ANALYSIS_TEMPLATES, {"schema": {"type": "object"}}),
    (WORKFLOWS, {"name": "\U0001f600" * 200}),
    (MCP_SERVERS, {"timeout_seconds": 5}),
    (MCP_SERVERS, {"timeout_seconds": 60}),
    (MCP_SERVERS, {"transport": "streamable_http"}),
    (CAMPAIGNS, {"system_message_template": None}),
    (CAMPAIGNS, {"schedule_start_time": "00:00:00"}),
    (CAMPAIGNS, {"schedule_days": [0, 1, 2, 3, 4, 5, 6]}),
    (CAMPAIGNS, {"timezone": "America/New_York"}),
    (CAMPAIGNS, {"max_concurrency": 1}),
    (CAMPAIGNS, {"max_concurrency": 100}),
    (CAMPAIGNS, {"calls_per_second": 10}),
    (CAMPAIGNS, {"retry": RETRY | {"max_attempts": 1, "delay_minutes": 1, "max_attempts_per_day": 1}}),
    (CAMPAIGNS, {"number_id": None}),
    (CAMPAIGNS, {"status": "cancelled"}),
    (TRUNKS, {"auth_username": None, "auth_password": None}),
    (TRUNKS, {"outbound_proxy": "proxy.example.com"}),
    (TRUNKS, {"from_domain": "example.com"}),
    (TRUNKS, {"transfer_mode": "bridge"}),
    (TRUNKS, {"caller_id": "pass_through"}),
    (NUMBERS, {"name": None}),
    (NUMBERS, {"is_active": False}),
]
OUT_OF_BOUNDS: list[tuple[Resource, dict[str, Any], str]] = [
    (TOOL_TEMPLATES, {"name": ""}, "name"),
    (TOOL_TEMPLATES, {"name": "x" * 201}, "name"),
    (TOOL_TEMPLATES, {"description": "x" * 2001}, "description"),
    (TOOL_TEMPLATES, {"tool_type": "mcp"}, "tool_type"),
    (TOOL_TEMPLATES, {"tool_config": {"url": "http://10.0.0.1/x"}}, "tool_config.url"),
    (ANALYSIS_TEMPLATES, {"name": "x" * 201}, "name"),
    (ANALYSIS_TEMPLATES, {"system_prompt": ""}, "system_prompt"),
    (ANALYSIS_TEMPLATES, {"user_prompt": "x" * 20_001}, "user_prompt"),
    (ANALYSIS_TEMPLATES, {"schema": {"type": "nothing"}}, "schema"),
    (WORKFLOWS, {"name": "x" * 201}, "name"),
    (WORKFLOWS, {"is_active": None}, "is_active"),
    (MCP_SERVERS, {"timeout_seconds": 4}, "timeout_seconds"),
    (MCP_SERVERS, {"timeout_seconds": 61}, "timeout_seconds"),
    (MCP_SERVERS, {"transport": "stdio"}, "transport"),
    (MCP_SERVERS, {"url": "https://10.0.0.1/mcp", "headers": {}}, "url"),
    (MCP_SERVERS, {"headers": {f"x-{n}": "v" for n in range(11)}}, "headers"),
    (CAMPAIGNS, {"max_concurrency": 0}, "max_concurrency"),
    (CAMPAIGNS, {"max_concurrency": 101}, "max_concurrency"),
    (CAMPAIGNS, {"calls_per_second": 0.09}, "calls_per_second"),
    (CAMPAIGNS, {"calls_per_second": 10.1}, "calls_per_second"),
    (CAMPAIGNS, {"timezone": "Mars/Olympus"}, "timezone"),
    (CAMPAIGNS, {"schedule_start_time": "24:00"}, "schedule_start_time"),
    (CAMPAIGNS, {"schedule_days": [7]}, "schedule_days[0]"),
    (CAMPAIGNS, {"retry": {"max_attempts": 6}}, "retry.max_attempts"),
    (CAMPAIGNS, {"status": "running"}, "status"),
    (TRUNKS, {"inbound_addresses": ["10.0.0.0/21"]}, "inbound_addresses[0]"),
    (TRUNKS, {"transport": "sctp"}, "transport"),
    (NUMBERS, {"is_active": None}, "is_active"),
]


def _name(value: Any) -> str:
    return str(value)[:40]


def test_what_is_left_out_of_a_campaigns_retries_is_the_default(api: Api) -> None:
    made = CAMPAIGNS.create(api)
    changed = api.patch(CAMPAIGNS.at(made), {"retry": {"max_attempts": 2, "busy": {"delay_minutes": 3}}})["campaign"]
    on, off = {"retry": True, "delay_minutes": None}, {"retry": False, "delay_minutes": None}
    rules = {"busy": {"retry": True, "delay_minutes": 3}, "no_answer": on, "failed": on, "voicemail": off}
    assert changed["retry"].items() >= (rules | {"max_attempts": 2, "max_attempts_per_day": 3}).items()


@pytest.mark.parametrize(("resource", "change"), SETTABLE, ids=_name)
def test_a_change_is_shown_and_leaves_the_rest(resource: Resource, change: dict[str, Any], api: Api) -> None:
    made = resource.create(api)
    changed = api.patch(resource.at(made), change)[resource.singular]
    shown = {name: value for name, value in change.items() if name in made}
    expected = made | shown | {"updated_at": changed["updated_at"]}
    if change.get("status") == "cancelled":  # nobody is called any more
        skipped = made["pending_leads"]
        progress = made["progress"] | {"finished_leads": skipped}
        expected |= {"pending_leads": 0, "skipped_leads": skipped, "progress": progress}
    assert changed == expected
    assert resource.read(api, made) == changed


@pytest.mark.parametrize(("resource", "change", "named"), OUT_OF_BOUNDS, ids=_name)
def test_a_bound_is_kept_on_change_and_creation(
    resource: Resource, change: dict[str, Any], named: str, api: Api
) -> None:
    made = resource.create(api)
    assert named in named_in(api.patch(resource.at(made), change, expect=400))
    assert resource.read(api, made) == made
    if "status" not in change:
        assert named in named_in(api.post(resource.path, resource.body(api) | change, expect=400))


def test_what_is_in_use_is_not_deleted_and_its_users_are_named(api: Api) -> None:
    template, server = TOOL_TEMPLATES.create(api), MCP_SERVERS.create(api)
    tools = [
        {"type": "template", "template_id": template["id"]},
        {"type": "mcp", "mcp_server_id": server["id"], "allowed_tools": ["slots"]},
    ]
    user = api.post(
        "/assistants", {"name": "Uses both", "llm_config": {"provider": "local", "model": "intents", "tools": tools}}
    )["assistant"]
    for resource, used in ((TOOL_TEMPLATES, template), (MCP_SERVERS, server)):
        assert "Uses both" in str(api.delete(resource.at(used), expect=409))
    api.delete(f"/assistants/{user['id']}")
    for resource, used in ((TOOL_TEMPLATES, template), (MCP_SERVERS, server)):
        api.delete(resource.at(used))


def test_a_workflow_a_number_uses_says_how_to_detach_it(api: Api) -> None:
    workflow = WORKFLOWS.create(api)
    number = NUMBERS.create(api, workflow_id=workflow["id"])
    refused = api.delete(WORKFLOWS.at(workflow), expect=409)
    assert "attached to 1 phone number" in refused["message"]
    api.patch(NUMBERS.at(number), {"workflow_id": None})
    api.delete(WORKFLOWS.at(workflow))


def test_every_problem_of_a_graph_is_told(api: Api) -> None:
    node = {"type": "conversation", "instructions": "x"}
    definition = {
        "version": 1,
        "entry_node": "nowhere",
        "nodes": [{"id": "a", **node}, {"id": "a", **node}, {"id": "lost", **node}],
        "edges": [{"from": "a", "to": "a", "description": "d"}, {"from": "a", "to": "gone", "description": "d"}],
    }
    refused = api.post("/workflows", {"name": "Bad", "definition": definition}, expect=400)
    assert len(refused["details"]) >= 4


def test_a_number_is_in_a_campaign_once(api: Api) -> None:
    campaign = CAMPAIGNS.create(api)
    path, number = f"{CAMPAIGNS.at(campaign)}/leads", fresh_phone_number()
    lead = api.post(path, {"phone_number": number})["lead"]
    api.post(path, {"phone_number": number}, expect=409)
    several = [{"phone_number": number}, {"phone_number": fresh_phone_number()}, {"phone_number": number}]
    assert api.post(path, {"leads": several}, expect=409)["details"]
    assert api.get(path)["pagination"]["total"] == 2
    api.delete(f"{path}/{lead['id']}")
    assert CAMPAIGNS.read(api, campaign)["total_leads"] == 1


def test_a_closed_campaign_refuses_change(api: Api) -> None:
    campaign = CAMPAIGNS.create(api)
    api.patch(CAMPAIGNS.at(campaign), {"status": "cancelled"})
    api.patch(CAMPAIGNS.at(campaign), {"name": "x"}, expect=409)
    api.post(f"{CAMPAIGNS.at(campaign)}/leads", {"phone_number": fresh_phone_number()}, expect=409)


def test_a_number_on_the_list_is_skipped_and_comes_off_again(api: Api) -> None:
    number = fresh_phone_number()
    entry = api.post("/do-not-call", {"phone_number": number, "reason": "Asked."})["entry"]
    assert entry["reason"] == "Asked."
    api.post("/do-not-call", {"phone_number": number}, expect=409)
    campaign = CAMPAIGNS.create(api)
    lead = api.post(f"{CAMPAIGNS.at(campaign)}/leads", {"phone_number": number})["lead"]
    assert lead["status"] == "skipped"
    api.delete(f"/do-not-call/{number}")
    api.delete(f"/do-not-call/{number}", expect=404)


def test_a_server_that_cannot_be_reached_is_an_answer(api: Api) -> None:
    server = MCP_SERVERS.create(api, url="https://mcp.invalid/mcp", transport="streamable_http")
    tried = api.post(f"{MCP_SERVERS.at(server)}/test", {}, expect=200)
    assert tried["ok"] is False
    assert tried["error"]
    assert "secret" not in str(tried)
