"""The domain routes against a stand-in that speaks Resend's API over real connections."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from functions.domains.router import key_ring, router
from sovereign.domains import DomainStore
from sovereign.kernel import aws, settings
from sovereign.kernel.addresses import allowed_networks
from sovereign.kernel.clock import from_wire, utc_now
from sovereign.kernel.table import Ref, Table
from sovereign.provider_keys import organization_secret_id
from tests.component.assistants.fixtures import ORG, OTHER_ORG, Api, Requests
from tests.fakes.resend import FakeResend, serving
from tests.fakes.server import BAD_KEY, GOOD_KEY

NAME = "mail.example.com"


@pytest.fixture
def account(table: Table, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeResend]:
    """The Resend account of whichever key is stored; nobody has one yet."""
    resend = FakeResend()
    with serving(resend) as base_url:
        monkeypatch.setenv("RESEND_BASE_URL", base_url)
        monkeypatch.setenv("EGRESS_ALLOWED_CIDRS", "127.0.0.0/8")
        monkeypatch.setenv("SECRET_PREFIX", f"sovereign/{table.name}")
        monkeypatch.setenv("PLATFORM_KEYS_SECRET_ID", f"{table.name}-platform")
        _forget()
        yield resend
    _forget()


@pytest.fixture
def client(account: FakeResend, table: Table, api: Api) -> TestClient:
    """Of an organization with a key of its own."""
    own_key(table, ORG, GOOD_KEY)
    return api(router)


def own_key(table: Table, org_id: str, key: str) -> None:
    name = organization_secret_id(f"sovereign/{table.name}", org_id)
    aws.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps({"resend": key}))


def platform_key(table: Table) -> None:
    secret = json.dumps({"resend": GOOD_KEY})
    aws.client("secretsmanager").create_secret(Name=f"{table.name}-platform", SecretString=secret)


def _forget() -> None:
    settings.read_environment.cache_clear()
    allowed_networks.cache_clear()
    key_ring.cache_clear()


def create(client: TestClient, name: str = NAME) -> dict[str, Any]:
    answer = client.post("domains", json={"domain_name": name})
    assert answer.status_code == 201, answer.text
    domain: dict[str, Any] = answer.json()["domain"]
    return domain


def test_domain_is_made_shown_and_removed(client: TestClient, account: FakeResend) -> None:
    assert client.get("domains").json() == {"domain": None}
    made = create(client, "Mail.Example.com")
    remote = account.domains[made["resend_domain_id"]]
    assert (made["domain_name"], made["org_id"], made["status"], made["region"], made["verified_at"]) == (
        NAME, ORG, "not_started", "eu-west-1", None,
    )  # fmt: skip
    assert made["records"][0] == remote["records"][0]
    assert made["records"][1] == {**remote["records"][1], "priority": None}
    assert client.get("domains").json() == {"domain": made}
    assert client.delete("domains").json() == {"success": True}
    assert account.domains == {}
    assert client.get("domains").json() == {"domain": None}
    assert client.delete("domains").status_code == 404


def test_second_domain_is_a_conflict(client: TestClient, account: FakeResend) -> None:
    create(client)
    assert client.post("domains", json={"domain_name": "other.example.com"}).status_code == 409
    assert len(account.domains) == 1


@pytest.mark.parametrize(
    ("body", "path"),
    [({}, "domain_name"), ({"domain_name": "x"}, "domain_name"), ({"domain_name": NAME, "region": "x"}, "region")],
)
def test_bad_member_is_named(client: TestClient, account: FakeResend, body: dict[str, Any], path: str) -> None:
    answer = client.post("domains", json=body)
    assert (answer.status_code, answer.json()["details"][0].split(": ")[0]) == (400, path)
    assert account.requests == []


def test_verification_is_asked_for_and_its_end_is_noted(client: TestClient, account: FakeResend) -> None:
    made = create(client)
    pending = client.post("domains/verify").json()["domain"]
    assert (pending["status"], pending["id"], pending["created_at"]) == ("pending", made["id"], made["created_at"])
    account.domains[made["resend_domain_id"]]["status"] = "verified"
    verified = client.post("domains/refresh").json()["domain"]
    assert (verified["status"], verified["verified_at"] is not None) == ("verified", True)
    again = client.post("domains/refresh").json()["domain"]
    assert again["verified_at"] == verified["verified_at"]
    assert client.get("domains").json()["domain"] == again


@pytest.mark.parametrize("operation", ["verify", "refresh"])
def test_there_must_be_a_domain(client: TestClient, operation: str) -> None:
    assert client.post(f"domains/{operation}").status_code == 404


def test_domain_missing_at_resend_is_said(client: TestClient, account: FakeResend) -> None:
    create(client)
    account.domains.clear()
    answer = client.post("domains/refresh")
    assert (answer.status_code, answer.json()["code"]) == (400, "domain_missing_at_resend")
    assert client.delete("domains").status_code == 200


def test_domain_of_the_own_account_is_chosen(client: TestClient, account: FakeResend) -> None:
    remotes = [account.add(f"d{index}.example.com", status="verified") for index in range(45)]
    listed = client.get("domains/sync").json()
    assert [domain["id"] for domain in listed["domains"]] == [remote["id"] for remote in remotes]
    assert listed["domains"][0].keys() == {"id", "name", "status", "region"}
    assert listed["selected_domain_id"] is None
    for remote in remotes[:2]:
        answer = client.post("domains/sync", json={"resendDomainId": remote["id"]})
        assert answer.status_code == 200, answer.text
        assert answer.json()["domain"]["domain_name"] == remote["name"]
        assert answer.json()["domain"]["verified_at"]
        assert answer.json()["message"]
    assert client.get("domains/sync").json()["selected_domain_id"] == remotes[1]["id"]
    assert client.delete("domains").status_code == 200
    assert remotes[1]["id"] in account.domains  # it was there before us, so it stays


@pytest.mark.parametrize("chosen", ["d91cd9bd-1176-453e-8fc1-000000000099", "../api-keys", ""])
def test_unknown_choice_is_refused(client: TestClient, account: FakeResend, chosen: str) -> None:
    answer = client.post("domains/sync", json={"resendDomainId": chosen})
    assert (answer.status_code, answer.json()["details"][0].split(": ")[0]) == (400, "resendDomainId")
    assert client.get("domains").json() == {"domain": None}


def test_without_a_key_nothing_is_tried(account: FakeResend, api: Api) -> None:
    client = api(router)
    for answer in (
        client.post("domains", json={"domain_name": NAME}),
        client.get("domains/sync"),
        client.post("domains/sync", json={"resendDomainId": "x"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (400, "resend_key_missing")
        assert "Resend key" in answer.json()["message"]
    assert client.get("domains").json() == {"domain": None}
    assert account.requests == []


def test_refused_key_is_said(account: FakeResend, table: Table, api: Api) -> None:
    own_key(table, ORG, BAD_KEY)
    answer = api(router).post("domains", json={"domain_name": NAME})
    assert (answer.status_code, answer.json()["code"]) == (400, "resend_key_refused")
    assert BAD_KEY not in answer.text


@pytest.mark.parametrize("status", [500, 503, 429])
def test_resend_down_loses_nothing(client: TestClient, account: FakeResend, status: int) -> None:
    made = create(client)
    account.trouble.status = status
    for answer in (
        client.post("domains/verify"),
        client.post("domains/refresh"),
        client.get("domains/sync"),
        client.delete("domains"),
    ):
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
    assert client.get("domains").json() == {"domain": made}
    account.trouble.status = None
    assert client.delete("domains").status_code == 200


def test_creation_that_was_cut_off_is_taken_up_again(client: TestClient, account: FakeResend) -> None:
    account.cut_after = {"POST"}
    assert client.post("domains", json={"domain_name": NAME}).status_code == 503
    assert client.get("domains").json() == {"domain": None}
    account.cut_after = set()
    made = create(client)
    assert list(account.domains) == [made["resend_domain_id"]]


def test_unreachable_resend_is_unavailable(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESEND_BASE_URL", "http://127.0.0.1:9")
    settings.read_environment.cache_clear()
    assert client.post("domains", json={"domain_name": NAME}).status_code == 503


def test_shared_account_shows_each_organization_only_its_own(account: FakeResend, table: Table, api: Api) -> None:
    platform_key(table)
    mine, theirs = api(router), api(router, org_id=OTHER_ORG)
    operators = account.add("operator.example.com", created_at="2024-01-01 00:00:00.000000+00", status="verified")
    made = create(mine)
    assert [d["id"] for d in mine.get("domains/sync").json()["domains"]] == [made["resend_domain_id"]]
    assert theirs.get("domains/sync").json() == {"domains": [], "selected_domain_id": None}
    for foreign in (made["resend_domain_id"], operators["id"]):
        assert theirs.post("domains/sync", json={"resendDomainId": foreign}).status_code == 400
    for name in (NAME, "operator.example.com"):
        answer = theirs.post("domains", json={"domain_name": name})
        assert (answer.status_code >= 400, theirs.get("domains").json()) == (True, {"domain": None})
    assert mine.get("domains").json() == {"domain": made}
    assert theirs.delete("domains").status_code == 404
    assert len(account.domains) == 2


def test_domain_of_one_organization_is_not_saved_for_another(
    account: FakeResend, client: TestClient, table: Table, api: Api
) -> None:
    own_key(table, OTHER_ORG, GOOD_KEY)
    made = create(client)
    answer = api(router, org_id=OTHER_ORG).post("domains/sync", json={"resendDomainId": made["resend_domain_id"]})
    assert answer.status_code == 409
    assert DomainStore(table).find(OTHER_ORG) is None


def test_key_is_nowhere_in_the_table(client: TestClient, table: Table) -> None:
    made = create(client)
    assert from_wire(made["created_at"]) <= utc_now()
    assert GOOD_KEY not in str(list(table.query(f"ORG#{ORG}")))
    assert table.get(Ref(f"RESEND#{made['resend_domain_id']}", "DOMAIN"))


def test_routes_stay_within_their_table_requests(client: TestClient, requests_made: Requests) -> None:
    for send, limit in (
        (lambda: client.post("domains", json={"domain_name": NAME}), 3),
        (lambda: client.get("domains"), 2),
        (lambda: client.get("domains/sync"), 2),
        (lambda: client.post("domains/verify"), 3),
        (lambda: client.delete("domains"), 3),
    ):
        requests_made.clear()
        assert send().status_code in (200, 201)
        assert len(requests_made) <= limit
