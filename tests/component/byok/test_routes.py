"""The BYOK routes, through the real frame and a secrets manager in moto."""

import json
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from functions.byok.router import router
from sovereign.byok import KeyVault, with_key
from sovereign.catalog.registry import BYOK_PROVIDERS
from sovereign.kernel import aws
from sovereign.kernel.clock import to_wire, utc_now
from sovereign.kernel.errors import ConflictError
from sovereign.kernel.settings import read_environment
from sovereign.kernel.table import Put, Table
from sovereign.provider_keys import KeyRing, ProviderKey, StoredKeys
from tests.component.assistants.fixtures import ORG, OTHER_ORG, Api, Requests

KEY = "sk-very-secret-0123456789"
SERVICE_ACCOUNT = json.dumps({"type": "service_account", "client_email": "a@b.example"})


@pytest.fixture
def prefix(table: Table, monkeypatch: pytest.MonkeyPatch) -> str:
    # a prefix of the test's own: the module shares one moto
    prefix = f"sovereign/{table.name}"
    monkeypatch.setenv("SECRET_PREFIX", prefix)
    read_environment.cache_clear()
    return prefix


@pytest.fixture
def client(prefix: str, api: Api) -> TestClient:
    return api(router)


def store(client: TestClient, provider: str = "openai", key: str = KEY) -> dict[str, Any]:
    answer = client.post("byok", json={"provider": provider, "api_key": key})
    assert answer.status_code == 200, answer.text
    keys: dict[str, Any] = answer.json()["byok_keys"]
    return keys


def configure(client: TestClient, config: dict[str, Any], provider: str = "openai", **members: Any) -> Any:
    return client.post("byok/config", json={"provider": provider, "config": config, **members})


def used(prefix: str, provider: str = "openai", org_id: str = ORG) -> ProviderKey | None:
    return KeyRing(prefix).lookup(org_id, provider)


def test_every_provider_has_a_slot_and_none_a_key_at_first(client: TestClient) -> None:
    assert client.get("byok").json() == {"byok_keys": {f"{slot}_secret_id": None for slot in BYOK_PROVIDERS}}


def test_stored_key_is_used_and_shows_only_an_id(client: TestClient, prefix: str, table: Table) -> None:
    keys = store(client)
    assert keys["openai_secret_id"]
    assert {name for name, secret_id in keys.items() if secret_id} == {"openai_secret_id"}
    assert client.get("byok").json() == {"byok_keys": keys}
    assert used(prefix) == ProviderKey(KEY, byok=True)
    assert used(prefix, org_id=OTHER_ORG) is None
    everything = [client.get("byok").text, client.get("byok/config").text, str(list(table.query(f"ORG#{ORG}")))]
    assert all(KEY not in text and KEY[-4:] not in text for text in everything)


def test_all_keys_lie_in_one_secret(client: TestClient, prefix: str) -> None:
    store(client)
    store(client, "google_vertex", SERVICE_ACCOUNT)
    store(client, "deepgram", "dg-key")
    listed = aws.client("secretsmanager").list_secrets(Filters=[{"Key": "name", "Values": [prefix]}])
    assert [secret["Name"] for secret in listed["SecretList"]] == [f"{prefix}/organizations/{ORG}/provider-keys"]
    assert used(prefix, "google_vertex") == ProviderKey(SERVICE_ACCOUNT, byok=True)


def test_storing_again_rotates_the_key_under_its_id(client: TestClient, prefix: str) -> None:
    first = store(client)
    ring = KeyRing(prefix, now=iter([0.0, 59.0, 60.0]).__next__)
    assert ring.key(ORG, "openai") == KEY
    assert store(client, key="sk-rotated") == first
    assert [ring.key(ORG, "openai"), ring.key(ORG, "openai")] == [KEY, "sk-rotated"]


def test_removed_key_falls_back_to_the_platforms(client: TestClient, prefix: str) -> None:
    store(client)
    store(client, "deepgram", "dg-key")
    aws.client("secretsmanager").create_secret(Name=f"{prefix}-platform", SecretString='{"openai": "platform"}')
    answer = client.request("DELETE", "byok", json={"provider": "openai"})
    assert answer.json()["success"] is True
    assert answer.json()["byok_keys"]["openai_secret_id"] is None
    assert KeyRing(prefix, f"{prefix}-platform").lookup(ORG, "openai") == ProviderKey("platform", byok=False)
    assert used(prefix, "deepgram") == ProviderKey("dg-key", byok=True)
    assert client.request("DELETE", "byok", json={"provider": "openai"}).status_code == 200


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"provider": "unknown"}, "provider"),
        ({"provider": "local"}, "provider"),
        ({"api_key": ""}, "api_key"),
        ({"api_key": None}, "api_key"),
        ({"api_key": "with space"}, "api_key"),
        ({"api_key": "line\nbreak"}, "api_key"),
        ({"api_key": "sk_...6789"}, "api_key"),
        ({"api_key": "k" * 4097}, "api_key"),
        ({"provider": "google_vertex"}, "api_key"),
        ({"config": {}}, "config"),
    ],
)
def test_bad_member_is_named_and_nothing_stored(
    client: TestClient, prefix: str, members: dict[str, Any], path: str
) -> None:
    answer = client.post("byok", json={"provider": "openai", "api_key": KEY, **members})
    assert (answer.status_code, answer.json()["details"][0].split(": ")[0]) == (400, path)
    assert KEY not in answer.text
    assert used(prefix) is None


def test_missing_member_is_named(client: TestClient) -> None:
    assert client.post("byok", json={"provider": "openai"}).json()["details"][0].startswith("api_key: ")
    assert client.request("DELETE", "byok", json={}).json()["details"][0].startswith("provider: ")


def test_config_needs_a_stored_key(client: TestClient) -> None:
    answer = configure(client, {"base_url": "https://llm.example.com/v1"}, api_key=KEY)
    assert answer.status_code == 400
    assert client.get("byok/config").json()["byok_config"] == {}


def test_address_of_another_host_needs_the_key_again(client: TestClient, prefix: str) -> None:
    store(client)
    refused = configure(client, {"base_url": "https://llm.example.com/v1"})
    assert refused.json()["details"] == ["api_key: required when base_url moves to another host"]
    assert used(prefix) == ProviderKey(KEY, byok=True)
    moved = configure(client, {"base_url": "https://llm.example.com/v1"}, api_key="key-of-that-host")
    assert moved.json() == {"byok_config": {"openai": {"base_url": "https://llm.example.com/v1"}}}
    assert used(prefix) == ProviderKey("key-of-that-host", byok=True, base_url="https://llm.example.com/v1")
    assert configure(client, {"base_url": "https://llm.example.com:443/v2"}).status_code == 200
    for elsewhere in ("https://llm.example.com:8443/v2", "http://llm.example.com/v2", "https://other.example", None):
        assert configure(client, {"base_url": elsewhere}).status_code == 400
    assert configure(client, {"base_url": None}, api_key=KEY).json() == {"byok_config": {"openai": {}}}
    assert used(prefix) == ProviderKey(KEY, byok=True)


def test_vendors_own_address_may_be_spelled_out(client: TestClient) -> None:
    store(client)
    assert configure(client, {"base_url": "https://api.openai.com/v1"}).status_code == 200


def test_rotation_keeps_the_settings_and_removal_drops_them(client: TestClient) -> None:
    store(client)
    configure(client, {"base_url": "https://llm.example.com/v1"}, api_key=KEY)
    store(client, key="sk-rotated")
    assert client.get("byok/config").json()["byok_config"] == {"openai": {"base_url": "https://llm.example.com/v1"}}
    client.request("DELETE", "byok", json={"provider": "openai"})
    store(client)
    assert client.get("byok/config").json()["byok_config"] == {"openai": {}}


@pytest.mark.parametrize(
    ("provider", "config", "path"),
    [
        ("openai", {"base_url": "http://10.0.0.1/v1"}, "config.base_url"),
        ("openai", {"base_url": "https://user:pass@llm.example.com"}, "config.base_url"),
        ("openai", {"base_url": "ftp://llm.example.com"}, "config.base_url"),
        ("openai", {"model": "gpt-5.4"}, "config.model"),
        ("openai", [], "config"),
        ("deepgram", {"base_url": "https://stt.example.com"}, "config.base_url"),
    ],
)
def test_bad_setting_is_named(client: TestClient, provider: str, config: Any, path: str) -> None:
    store(client, provider)
    answer = configure(client, config, provider, api_key=KEY)
    assert (answer.status_code, answer.json()["details"][0].split(": ")[0]) == (400, path)


def test_providers_are_listed_with_their_models(client: TestClient) -> None:
    store(client)
    offered = client.get("byok/config").json()["providers"]
    assert {entry["id"] for entry in offered} == set(BYOK_PROVIDERS)
    by_kind = {(entry["id"], entry["category"]): entry for entry in offered}
    assert len(by_kind) == len(offered)
    assert by_kind["deepgram", "stt"]["models"][0] == {"id": "nova-3", "name": "nova-3", "default": True}
    assert by_kind["google_vertex", "stt"]["models"] == [{"id": "chirp_3", "name": "chirp_3", "default": True}]
    assert [m["id"] for m in by_kind["openai", "realtime"]["models"]] == ["gpt-live-1"]
    assert by_kind["resend", "email"]["models"] == []
    assert {entry["id"] for entry in offered if entry["configured"]} == {"openai"}
    defaults = [m["id"] for m in by_kind["openai", "llm"]["models"] if m["default"]]
    assert defaults == ["gpt-5.4"]


def test_organizations_do_not_see_each_other(client: TestClient, api: Api, prefix: str) -> None:
    store(client)
    stranger = api(router, org_id=OTHER_ORG)
    assert set(stranger.get("byok").json()["byok_keys"].values()) == {None}
    stranger.request("DELETE", "byok", json={"provider": "openai"})
    assert configure(stranger, {"base_url": "https://evil.example"}, api_key=KEY).status_code == 400
    assert used(prefix) == ProviderKey(KEY, byok=True)


def test_two_changes_at_once_lose_nothing(prefix: str, table: Table) -> None:
    vault = KeyVault(table, prefix)

    def change(stored: StoredKeys) -> StoredKeys:
        with pytest.raises(ConflictError):
            vault.change(ORG, lambda other: with_key(other, "deepgram", "dg", "id-2"))
        return with_key(stored, "openai", KEY, "id-1")

    vault.change(ORG, change)
    vault.change(ORG, lambda stored: with_key(stored, "deepgram", "dg", "id-2"))
    assert vault.read(ORG) == StoredKeys({"openai": KEY, "deepgram": "dg"}, {"openai": "id-1", "deepgram": "id-2"})


def test_lease_of_a_request_that_died_runs_out(prefix: str, table: Table) -> None:
    now = utc_now()
    died = {"holder": "died", "leased_until": to_wire(now + timedelta(seconds=30))}
    table.put(Put({"pk": f"ORG#{ORG}", "sk": "PROVIDER_KEYS", **died}))
    with pytest.raises(ConflictError):
        KeyVault(table, prefix, clock=lambda: now).change(ORG, lambda stored: stored)
    later = KeyVault(table, prefix, clock=lambda: now + timedelta(seconds=31))
    assert later.change(ORG, lambda stored: with_key(stored, "openai", KEY, "id")).keys == {"openai": KEY}


def test_refused_change_leaves_the_lease_free(client: TestClient) -> None:
    assert configure(client, {}).status_code == 400
    assert store(client)["openai_secret_id"]


def test_replayed_request_stores_once_and_shows_the_same(client: TestClient) -> None:
    body = {"provider": "openai", "api_key": KEY}
    answers = [client.post("byok", json=body, headers={"Idempotency-Key": "k1"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["Idempotent-Replayed"] == "true"


def test_no_key_shows_in_a_representation() -> None:
    assert KEY not in repr(with_key(StoredKeys(), "openai", KEY, "id"))


def test_routes_stay_within_their_table_requests(client: TestClient, requests_made: Requests) -> None:
    for send, limit in (
        (lambda: store(client), 3),
        (lambda: client.get("byok"), 2),
        (lambda: client.get("byok/config"), 2),
        (lambda: configure(client, {}), 3),
        (lambda: client.request("DELETE", "byok", json={"provider": "openai"}), 3),
    ):
        requests_made.clear()
        send()
        assert len(requests_made) <= limit
