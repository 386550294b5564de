"""`/organizations` and `/account` through the frame."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.client import BaseClient
from starlette.testclient import TestClient

from functions.organizations.router import router
from sovereign.api_keys import ApiKeyStore
from sovereign.calls.keys import counter_ref
from sovereign.http import create_app
from sovereign.kernel.clock import utc_now
from sovereign.kernel.encryption import default_cipher
from sovereign.kernel.errors import ConflictError, ForbiddenError
from sovereign.kernel.table import Ref, Table, Update
from sovereign.organizations import NewOrganization, OrganizationStore, count_change
from sovereign.organizations.model import SECRET_RESOURCE
from sovereign.usage.model import NewUsage
from sovereign.usage.store import booking_writes

SECRET = "whsec_0123456789abcdef"


@pytest.fixture
def created(table: Table) -> NewOrganization:
    return OrganizationStore(table).create("Acme", billing_mode="unlimited")


@pytest.fixture
def client(created: NewOrganization) -> TestClient:
    return client_with(created.secret)


def client_with(key: str) -> TestClient:
    return TestClient(create_app(router), headers={"Authorization": f"Bearer {key}"}, base_url="http://t/api/v1")


def test_get_has_the_documented_shape(client: TestClient, created: NewOrganization, table: Table) -> None:
    table.update(count_change(created.organization.id, active_agents=2, active_numbers=1))
    body = client.get("organizations").json()
    assert body["id"] == created.organization.id
    assert (
        body
        | {
            "name": "Acme",
            "minutes_balance": 0,
            "monthly_usage_minutes": 0,
            "active_numbers": 1,
            "active_agents": 2,
            "active_calls": 0,
            "has_local_models_access": True,
            "parent_org_id": None,
            "webhook_url": None,
            "webhook_secret": None,
            "webhook_events": None,
            "content_retention_days": None,
            "metadata_retention_days": None,
            "announce_rejections": True,
        }
        == body
    )
    assert body["outbound_policy"] == {
        "allowed_countries": None,
        "max_concurrent_calls": 10,
        "max_calls_per_minute": 30,
        "max_minutes_per_day": None,
    }
    assert "children" not in body


def test_account_is_the_same_body(client: TestClient) -> None:
    assert client.get("account").json() == client.get("organizations").json()


def test_usage_of_this_month_and_running_calls_are_shown(
    client: TestClient, created: NewOrganization, table: Table
) -> None:

    org_id = created.organization.id
    entry = NewUsage(
        call_id="call-1",
        duration_sec=61,
        billed_minutes=2,
        call_type="phone",
        outbound=False,
        byok={},
        phone_number=None,
        agent_name=None,
        business_name=None,
    )
    table.transact(booking_writes(org_id, None, entry, utc_now()))
    table.update(Update(counter_ref(org_id), add={"active_calls": 3}))
    body = client.get("organizations").json()
    assert (body["monthly_usage_minutes"], body["active_calls"]) == (2, 3)


def test_child_is_made_with_a_key_that_works(client: TestClient, created: NewOrganization) -> None:
    answer = client.post("organizations", json={"name": "Child"})
    child = answer.json()
    assert answer.status_code == 201
    assert set(child) == {"id", "name", "parent_org_id", "api_key", "created_at"}
    assert child["parent_org_id"] == created.organization.id
    own = client_with(child["api_key"]).get("organizations").json()
    assert (own["id"], own["parent_org_id"]) == (child["id"], created.organization.id)
    listed = client.get("organizations?include_children=true").json()["children"]
    assert listed == [{"id": child["id"], "name": "Child", "created_at": child["created_at"]}]


def test_parent_may_be_named_but_only_as_oneself(client: TestClient, created: NewOrganization) -> None:
    own = {"name": "c", "parent_org_id": created.organization.id}
    assert client.post("organizations", json=own).status_code == 201
    assert client.post("organizations", json=own | {"parent_org_id": "other"}).status_code == 403


def test_organizations_are_found_by_their_ids_in_upper_case(client: TestClient, created: NewOrganization) -> None:
    own = created.organization.id.upper()
    child = client.post("organizations", json={"name": "c", "parent_org_id": own}).json()
    suspended = client.patch("organizations", json={"id": child["id"].upper(), "suspended": True})
    assert (suspended.status_code, suspended.json()["id"]) == (200, child["id"])
    changed = client.patch("organizations", json={"id": own, "announce_rejections": False})
    assert changed.json()["announce_rejections"] is False


def test_child_cannot_have_children(client: TestClient, table: Table) -> None:
    child = client.post("organizations", json={"name": "Child"}).json()
    assert client_with(child["api_key"]).post("organizations", json={"name": "x"}).status_code == 403

    with pytest.raises(ForbiddenError):
        OrganizationStore(table).create("x", billing_mode="metered", parent_org_id=child["id"])


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "x" * 201}, {"name": 1}, {"name": "x", "plan": "pro"}])
def test_bad_child_is_400(client: TestClient, body: dict[str, Any]) -> None:
    assert client.post("organizations", json=body).status_code == 400


def test_idempotent_replay_hides_the_key(client: TestClient) -> None:
    answers = [
        client.post("organizations", json={"name": "c"}, headers={"Idempotency-Key": "1"}).json() for _ in range(2)
    ]
    assert answers[1] == answers[0] | {"api_key": None}


@pytest.mark.parametrize("days", [(30, 30), (30, 730), (365, 365), (90, 180), (None, None)])
def test_retention_is_kept(client: TestClient, days: tuple[int | None, int | None]) -> None:
    body = dict(zip(("content_retention_days", "metadata_retention_days"), days, strict=True))
    answer = client.patch("organizations", json=body)
    assert answer.status_code == 200
    assert answer.json() | body == answer.json()
    assert client.get("organizations").json() == answer.json()


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"content_retention_days": 30}, "metadata_retention_days"),
        ({"metadata_retention_days": 30}, "content_retention_days"),
        ({"content_retention_days": 90, "metadata_retention_days": 30}, "content_retention_days"),
        ({"content_retention_days": None, "metadata_retention_days": 30}, "content_retention_days"),
        ({"content_retention_days": 31, "metadata_retention_days": 90}, "content_retention_days"),
        ({"content_retention_days": 730, "metadata_retention_days": 730}, "content_retention_days"),
        ({"content_retention_days": "30", "metadata_retention_days": 30}, "content_retention_days"),
        ({"webhook_url": "http://169.254.169.254/"}, "webhook_url"),
        ({"webhook_url": "nonsense"}, "webhook_url"),
        ({"webhook_secret": ""}, "webhook_secret"),
        ({"webhook_secret": "whsec_...zzzz"}, "webhook_secret"),
        ({"webhook_events": ["call.ended"]}, "webhook_events[0]"),
        ({"webhook_events": ["tool-calls", "tool-calls"]}, "webhook_events"),
        ({"announce_rejections": None}, "announce_rejections"),
        ({"outbound_policy": {"allowed_countries": ["XX"]}}, "outbound_policy.allowed_countries[0]"),
        ({"outbound_policy": {"allowed_countries": ["NL", "NL"]}}, "outbound_policy.allowed_countries"),
        ({"outbound_policy": {"max_concurrent_calls": 0}}, "outbound_policy.max_concurrent_calls"),
        ({"outbound_policy": {"max_calls": 1}}, "outbound_policy.max_calls"),
        ({"name": "Other"}, "name"),
        ({"minutes_balance": 1000}, "minutes_balance"),
        ({"nmae": "x"}, "nmae"),
    ],
)
def test_bad_change_is_400_naming_the_field(client: TestClient, body: dict[str, Any], names: str) -> None:
    answer = client.patch("organizations", json=body)
    assert answer.status_code == 400
    assert [detail.partition(": ")[0] for detail in answer.json()["details"]] == [names]


@pytest.mark.parametrize("body", [{"billing_mode": "unlimited"}, {"suspended": True}, {"monthly_minutes_limit": 5}])
def test_what_others_decide_is_403(client: TestClient, body: dict[str, Any]) -> None:
    assert client.patch("organizations", json=body).status_code == 403


def test_whole_body_sent_back_changes_nothing(client: TestClient) -> None:
    client.patch("organizations", json={"webhook_secret": SECRET, "webhook_url": "https://example.com/"})
    body = client.get("organizations").json()
    answer = client.patch("organizations", json=body)
    assert answer.status_code == 200
    assert answer.json() | {"updated_at": body["updated_at"]} == body


def test_whole_body_with_children_sent_back_changes_nothing(client: TestClient) -> None:
    client.post("organizations", json={"name": "Child"})
    body = client.get("organizations?include_children=true").json()
    answer = client.patch("organizations", json=body | {"announce_rejections": False})
    assert answer.status_code == 200
    unlike = {"announce_rejections": True, "updated_at": body["updated_at"], "children": body["children"]}
    assert answer.json() | unlike == body


@pytest.mark.parametrize("children", [[], None, [{"id": "other"}]])
def test_children_that_differ_are_refused(client: TestClient, children: Any) -> None:
    client.post("organizations", json={"name": "Child"})
    answer = client.patch("organizations", json={"children": children})
    assert answer.status_code == 400
    assert answer.json()["details"] == ["children: is read-only and differs from the stored value"]


def test_policy_replaces_the_stored_one_whole_and_null_brings_defaults(client: TestClient) -> None:
    client.patch("organizations", json={"outbound_policy": {"allowed_countries": ["NL"], "max_concurrent_calls": 3}})
    changed = client.patch("organizations", json={"outbound_policy": {"max_minutes_per_day": 60}}).json()
    assert changed["outbound_policy"] == {
        "allowed_countries": None,
        "max_concurrent_calls": 10,
        "max_calls_per_minute": 30,
        "max_minutes_per_day": 60,
    }
    assert client.patch("organizations", json={"outbound_policy": None}).json()["outbound_policy"] == (
        changed["outbound_policy"] | {"max_minutes_per_day": None}
    )


def test_webhook_secret_is_encrypted_masked_and_rotated(
    client: TestClient, created: NewOrganization, table: Table
) -> None:
    org_id = created.organization.id
    store = OrganizationStore(table)
    assert client.patch("organizations", json={"webhook_secret": SECRET}).json()["webhook_secret"] == "whsec_...cdef"
    stored = store.get(org_id)
    assert SECRET not in repr(table.get(Ref(f"ORG#{org_id}", "ORGANIZATION")))
    assert stored.webhook_secret is not None
    assert default_cipher().decrypt(stored.webhook_secret, org_id=org_id, resource=SECRET_RESOURCE) == SECRET

    client.patch("organizations", json={"webhook_secret": "whsec_...cdef"})
    assert store.get(org_id).webhook_secret == stored.webhook_secret

    client.patch("organizations", json={"webhook_secret": "whsec_another-secret-9999"})
    rotated = store.get(org_id)
    assert rotated.previous_webhook_secret == stored.webhook_secret
    assert rotated.webhook_secret_changed_at is not None
    assert utc_now() - rotated.webhook_secret_changed_at < timedelta(minutes=1)

    assert client.patch("organizations", json={"webhook_secret": None}).json()["webhook_secret"] is None
    cleared = store.get(org_id)
    assert (cleared.webhook_secret, cleared.previous_webhook_secret) == (None, None)


def test_parent_suspends_and_resumes_its_child(client: TestClient) -> None:
    child = client.post("organizations", json={"name": "Child"}).json()
    answer = client.patch("organizations", json={"id": child["id"], "suspended": True, "monthly_minutes_limit": 9})
    assert answer.status_code == 200
    assert (answer.json()["suspended"], answer.json()["monthly_minutes_limit"]) == (True, 9)
    assert client_with(child["api_key"]).get("organizations").status_code == 403
    client.patch("organizations", json={"id": child["id"], "suspended": False})
    own = client_with(child["api_key"]).get("organizations")
    assert (own.status_code, own.json()["monthly_minutes_limit"]) == (200, 9)


def test_parent_sets_nothing_else_of_its_child(client: TestClient) -> None:
    child = client.post("organizations", json={"name": "Child"}).json()
    answer = client.patch("organizations", json={"id": child["id"], "webhook_url": "https://example.com/"})
    assert answer.status_code == 403


@pytest.mark.parametrize("asking", ["stranger", "child", "sibling"])
def test_only_the_parent_reaches_a_child(client: TestClient, table: Table, asking: str) -> None:
    child = client.post("organizations", json={"name": "Child"}).json()
    sibling = client.post("organizations", json={"name": "Sibling"}).json()
    stranger = OrganizationStore(table).create("Stranger", billing_mode="metered")
    key = {"stranger": stranger.secret, "child": child["api_key"], "sibling": sibling["api_key"]}[asking]
    target = client.get("organizations").json()["id"] if asking == "child" else child["id"]
    answer = client_with(key).patch("organizations", json={"id": target, "suspended": True})
    assert answer.status_code == 404


def test_concurrent_change_is_a_conflict(created: NewOrganization, table: Table) -> None:

    store = OrganizationStore(table)
    read = store.get(created.organization.id)
    store.update(read, {"announce_rejections": False})
    with pytest.raises(ConflictError):
        store.update(read, {"announce_rejections": True})


def test_key_made_while_suspending_is_not_missed(client: TestClient, table: Table) -> None:

    child = client.post("organizations", json={"name": "Child"}).json()
    store = OrganizationStore(table)
    read = store.get(child["id"])
    unseen = ApiKeyStore.list_keys

    def stale(keys: ApiKeyStore, org_id: str) -> list[Any]:
        found = unseen(keys, org_id)
        keys.create(org_id, parent_org_id=read.parent_org_id, name="late", rate_limit_per_minute=100)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ApiKeyStore, "list_keys", stale)
        with pytest.raises(ConflictError):
            store.update(read, {"suspended": True})
    assert store.get(child["id"]).suspended is False


@pytest.mark.parametrize(
    ("send", "bound"),
    [
        (lambda c: c.get("organizations"), 2),
        (lambda c: c.post("organizations", json={"name": "c"}), 3),
        (lambda c: c.patch("organizations", json={"announce_rejections": False}), 3),
    ],
)
def test_table_requests_are_within_budget(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, send: Callable[[TestClient], Any], bound: int
) -> None:

    client.get("organizations")
    made: list[str] = []
    call = BaseClient._make_api_call
    monkeypatch.setattr(BaseClient, "_make_api_call", lambda c, name, kw: made.append(name) or call(c, name, kw))
    assert send(client).status_code < 300
    assert len(made) - 1 <= bound
