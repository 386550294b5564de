"""The organization, its settings, and its children."""

from collections.abc import Iterator
from typing import Any

import pytest

from infra.embedded.local_file import LocalPlatform
from tests.contract.client import Api, named_in
from tests.contract.organizations import Organizations
from tests.contract.resources import ASSISTANTS, NUMBERS, UNKNOWN_ID
from tests.contract.waiting import wait_until

MEMBERS = {
    "id", "name", "minutes_balance", "monthly_usage_minutes", "active_numbers", "active_agents", "active_calls",
    "has_local_models_access", "parent_org_id", "webhook_url", "webhook_secret", "webhook_events",
    "content_retention_days", "metadata_retention_days",
}  # fmt: skip


@pytest.fixture(scope="module")
def parent(organizations: Organizations) -> Iterator[Api]:
    with organizations.create("Parent").client() as client:
        yield client


@pytest.fixture
def child(parent: Api, platform: LocalPlatform) -> Iterator[Api]:
    made = parent.post("/organizations", {"name": "Child"})
    with Api(platform.api_url, key=made["api_key"]) as client:
        yield client


def test_the_organization_and_its_older_name(parent: Api) -> None:
    shown = parent.get("/organizations")
    assert shown.keys() >= MEMBERS
    assert "children" not in shown
    assert parent.get("/account") == shown
    assert shown["parent_org_id"] is None
    assert shown["has_local_models_access"] is True


def test_counts_follow_what_is_there(organizations: Organizations) -> None:
    with organizations.create("Counts").client() as api:
        assistant, number = ASSISTANTS.create(api), NUMBERS.create(api)
        ASSISTANTS.create(api, is_active=False)
        NUMBERS.create(api, is_active=False)
        shown = api.get("/organizations")
        assert (shown["active_agents"], shown["active_numbers"], shown["active_calls"]) == (1, 1, 0)
        api.delete(ASSISTANTS.at(assistant))
        api.patch(NUMBERS.at(number), {"is_active": False})
        shown = api.get("/organizations")
        assert (shown["active_agents"], shown["active_numbers"], shown["active_calls"]) == (0, 0, 0)


def test_a_child_has_its_own_key_and_its_own_objects(parent: Api, child: Api) -> None:
    shown = child.get("/organizations")
    assert shown["parent_org_id"] == parent.get("/organizations")["id"]
    made = ASSISTANTS.create(child)
    parent.get(ASSISTANTS.at(made), expect=404)
    child.get(ASSISTANTS.at(ASSISTANTS.create(parent)), expect=404)
    children = parent.get("/organizations", include_children="true")["children"]
    assert {"id": shown["id"], "name": "Child", "created_at": shown["created_at"]} in children


def test_only_ones_own_children_can_be_made(parent: Api, child: Api, stranger: Api) -> None:
    other = stranger.get("/organizations")["id"]
    for parent_id in (other, UNKNOWN_ID):
        parent.post("/organizations", {"name": "x", "parent_org_id": parent_id}, expect=403)
    child.post("/organizations", {"name": "Grandchild"}, expect=403)
    own = parent.get("/organizations")["id"]
    assert parent.post("/organizations", {"name": "x", "parent_org_id": own})["parent_org_id"] == own
    assert named_in(parent.post("/organizations", {}, expect=400)) == {"name"}
    assert named_in(parent.post("/organizations", {"name": "x", "credits": 5}, expect=400)) == {"credits"}


def test_a_parent_suspends_and_limits_its_child_and_nobody_else(parent: Api, child: Api, stranger: Api) -> None:
    child_id = child.get("/organizations")["id"]
    limited = parent.patch("/organizations", {"id": child_id, "monthly_minutes_limit": 5})
    assert (limited["id"], limited["monthly_minutes_limit"]) == (child_id, 5)
    child.patch("/organizations", {"monthly_minutes_limit": 500}, expect=403)
    child.patch("/organizations", {"suspended": True}, expect=403)
    stranger.patch("/organizations", {"id": child_id, "suspended": True}, expect=404)
    parent.patch("/organizations", {"id": child_id, "webhook_url": "https://x.example"}, expect=403)
    assert parent.patch("/organizations", {"id": child_id, "suspended": True})["suspended"] is True
    wait_until(lambda: child.send("GET", "/organizations").status_code == 403, 15)  # keys are cached for ten seconds
    parent.patch("/organizations", {"id": child_id, "suspended": False})
    wait_until(lambda: child.send("GET", "/organizations").status_code == 200, 15)


SETTINGS: list[dict[str, Any]] = [
    {"content_retention_days": 30, "metadata_retention_days": 30},
    {"content_retention_days": 365, "metadata_retention_days": 730},
    {"content_retention_days": None, "metadata_retention_days": None},
    {"webhook_url": "https://hooks.example/all"},
    {"webhook_url": None},
    {"webhook_events": ["status-update"]},
    {"webhook_events": []},
    {"webhook_events": None},
    {"announce_rejections": False},
    {"announce_rejections": True},
    {
        "outbound_policy": {
            "allowed_countries": ["NL", "US"],
            "max_concurrent_calls": 1,
            "max_calls_per_minute": 1000,
            "max_minutes_per_day": 1,
        }
    },
]
REFUSED: list[tuple[dict[str, Any], str | None]] = [
    ({"content_retention_days": 30}, None),
    ({"metadata_retention_days": 30}, None),
    ({"content_retention_days": 365, "metadata_retention_days": 30}, None),
    ({"content_retention_days": 31, "metadata_retention_days": 365}, "content_retention_days"),
    ({"content_retention_days": "30", "metadata_retention_days": 30}, "content_retention_days"),
    ({"webhook_url": "http://10.1.2.3/"}, "webhook_url"),
    ({"webhook_events": ["other"]}, "webhook_events[0]"),
    ({"webhook_events": ["tool-calls", "tool-calls"]}, "webhook_events"),
    ({"outbound_policy": {"allowed_countries": ["Holland"]}}, "outbound_policy.allowed_countries[0]"),
    ({"outbound_policy": {"max_concurrent_calls": 0}}, "outbound_policy.max_concurrent_calls"),
    ({"outbound_policy": {"unknown": 1}}, "outbound_policy.unknown"),
    ({"name": "Other"}, "name"),
    ({"minutes_balance": 1_000_000}, "minutes_balance"),
    ({"unknown": 1}, "unknown"),
]


@pytest.mark.parametrize("change", SETTINGS, ids=str)
def test_settings_are_stored(change: dict[str, Any], parent: Api) -> None:
    changed = parent.patch("/organizations", change)
    assert {name: changed[name] for name in change} == change
    assert parent.get("/organizations") == changed


@pytest.mark.parametrize(("change", "named"), REFUSED, ids=str)
def test_settings_out_of_bounds_are_refused(change: dict[str, Any], named: str | None, parent: Api) -> None:
    before = parent.get("/organizations")
    refused = parent.patch("/organizations", change, expect=400)
    assert named is None or named in named_in(refused)
    assert parent.get("/organizations") == before


def test_billing_is_the_operators(parent: Api) -> None:
    parent.patch("/organizations", {"billing_mode": "unlimited"}, expect=403)


def test_the_whole_object_can_be_sent_back(parent: Api) -> None:
    parent.patch("/organizations", {"webhook_secret": "whsec_0123456789abcdef"})
    shown = parent.get("/organizations")
    assert shown["webhook_secret"] == "whsec_...cdef"
    back = parent.patch("/organizations", shown)
    assert back == shown | {"updated_at": back["updated_at"]}


def test_another_secrets_mask_is_refused(parent: Api) -> None:
    assert named_in(parent.patch("/organizations", {"webhook_secret": "whsec_...0000"}, expect=400)) == {
        "webhook_secret"
    }
