"""BYOK and the sending domain: keys in, never out, and Resend asked with them."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.client import Api, named_in
from tests.contract.organizations import Organizations
from tests.fakes.resend import FakeResend
from tests.fakes.server import BAD_KEY, GOOD_KEY

PROVIDERS = (
    *("deepgram", "openai", "elevenlabs", "inworld", "resend"),
    *("xai", "gladia", "mistral", "google", "google_vertex"),
)
KEY = "sk-0123456789abcdefghij"


@pytest.fixture
def bringer(organizations: Organizations) -> Iterator[Api]:
    """A new organization: keys belong to all of it."""
    with organizations.create("Bringer").client() as client:
        yield client


def without(api: Api, provider: str) -> Any:
    return api.send("DELETE", "/byok", json={"provider": provider})


def test_a_key_is_stored_rotated_and_removed_and_never_shown(bringer: Api) -> None:
    assert bringer.get("/byok") == {"byok_keys": {f"{name}_secret_id": None for name in PROVIDERS}}
    first = bringer.post("/byok", {"provider": "openai", "api_key": KEY}, expect=200)
    assert first["success"] is True
    assert first["byok_keys"]["openai_secret_id"]
    rotated = bringer.post("/byok", {"provider": "openai", "api_key": KEY + "k"}, expect=200)
    assert rotated["byok_keys"]["openai_secret_id"]
    for path in ("/byok", "/byok/config"):
        assert KEY not in bringer.send("GET", path).text
    removed = without(bringer, "openai")
    assert (removed.status_code, removed.json()["byok_keys"]["openai_secret_id"]) == (200, None)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"api_key": KEY}, "provider"),
        ({"provider": "openai"}, "api_key"),
        ({"provider": "voicedock", "api_key": KEY}, "provider"),
        ({"provider": "openai", "api_key": ""}, "api_key"),
        ({"provider": "openai", "api_key": 5}, "api_key"),
        ({"provider": "openai", "api_key": KEY, "secret_id": "x"}, "secret_id"),
    ],
)
def test_bad_keys_are_refused_by_name(body: dict[str, Any], named: str, api: Api) -> None:
    assert named_in(api.post("/byok", body, expect=400)) == {named}


def test_settings_are_merged_need_a_key_and_show_what_can_be_brought(bringer: Api) -> None:
    config = {"provider": "openai", "config": {"base_url": "https://llm.example.com/v1"}}
    bringer.post("/byok/config", config, expect=400)  # there is no key yet
    bringer.post("/byok", {"provider": "openai", "api_key": KEY}, expect=200)
    moved = bringer.post("/byok/config", config | {"api_key": KEY}, expect=200)
    assert moved == {"byok_config": {"openai": config["config"]}}
    bringer.post("/byok/config", config | {"config": {"base_url": "https://other.example.com/v1"}}, expect=400)
    shown = bringer.get("/byok/config")
    assert shown["byok_config"] == moved["byok_config"]
    configured = {entry["id"] for entry in shown["providers"] if entry["configured"]}
    assert configured == {"openai"}
    assert {entry["id"] for entry in shown["providers"]} == {*PROVIDERS}


def test_an_address_inside_the_network_is_refused(bringer: Api) -> None:
    body = {"provider": "openai", "config": {"base_url": "http://169.254.169.254/v1"}, "api_key": KEY}
    assert named_in(bringer.post("/byok/config", body, expect=400)) == {"config.base_url"}


def test_removing_what_is_not_there_changes_nothing(bringer: Api) -> None:
    answer = without(bringer, "deepgram")
    assert answer.status_code in {200, 404}
    assert without(bringer, "nobody").status_code == 400


def test_a_domain_needs_a_resend_key(bringer: Api) -> None:
    assert bringer.get("/domains") == {"domain": None}
    refused = bringer.post("/domains", {"domain_name": "mail.example.com"}, expect=400)
    assert "Resend" in refused["message"]


def test_life_of_a_domain(bringer: Api, resend: FakeResend) -> None:
    bringer.post("/byok", {"provider": "resend", "api_key": GOOD_KEY}, expect=200)
    made = bringer.post("/domains", {"domain_name": "calls.example.com"})["domain"]
    assert (made["domain_name"], made["status"]) == ("calls.example.com", "not_started")
    assert made["records"]
    assert made["resend_domain_id"] in resend.domains
    assert bringer.get("/domains")["domain"] == made
    bringer.post("/domains", {"domain_name": "second.example.com"}, expect=409)
    assert bringer.post("/domains/verify", None, expect=200)["domain"]["status"] == "pending"
    resend.domains[made["resend_domain_id"]]["status"] = "verified"
    verified = bringer.post("/domains/refresh", None, expect=200)["domain"]
    assert verified["status"] == "verified"
    assert verified["verified_at"]
    listed = bringer.get("/domains/sync")
    assert listed["selected_domain_id"] == made["resend_domain_id"]
    other = resend.add("chosen.example.com")
    chosen = bringer.post("/domains/sync", {"resendDomainId": other["id"]}, expect=200)
    assert chosen["domain"]["domain_name"] == "chosen.example.com"
    assert bringer.delete("/domains") == {"success": True}
    assert bringer.get("/domains") == {"domain": None}


def test_a_key_resend_does_not_take_is_told(bringer: Api) -> None:
    bringer.post("/byok", {"provider": "resend", "api_key": BAD_KEY}, expect=200)
    refused = bringer.post("/domains", {"domain_name": "mail.example.com"}, expect=400)
    assert BAD_KEY not in str(refused)


@pytest.mark.parametrize("name", ["", "x", "-a.com", "a..com", "http://a.com", "a" * 64 + ".com", 5, None])
def test_bad_domain_names_are_refused_by_name(name: Any, api: Api) -> None:
    assert named_in(api.post("/domains", {"domain_name": name}, expect=400)) == {"domain_name"}
