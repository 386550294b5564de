"""Keys, unknown paths and methods."""

import pytest

from infra.embedded.local_file import LocalPlatform
from tests.contract.client import Api, named_in
from tests.contract.resources import ROUTES, UNKNOWN_ID

BAD_AUTHORIZATIONS = [
    "",
    "Bearer",
    "Bearer fl_live_",
    "Bearer fl_live_" + "0" * 40,
    "Bearer fl_live_" + "g" * 40,
    "Bearer fl_live_" + "0" * 39,
    "Basic dXNlcjpwYXNz",
    "Bearer " + "x" * 5000,
    "bearer\tfl_live_x",
]
REFUSAL = {"error": "Unauthorized", "message": "Invalid or missing API key", "code": "unauthorized"}


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=lambda part: str(part)[:24])
def test_every_route_needs_a_key(method: str, path: str, nobody: Api) -> None:
    answer = nobody.send(method, path)
    assert (answer.status_code, answer.json()) == (401, REFUSAL)
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("authorization", BAD_AUTHORIZATIONS)
def test_bad_keys_are_401(authorization: str, nobody: Api) -> None:
    answer = nobody.send("GET", "/assistants", headers={"Authorization": authorization})
    assert (answer.status_code, answer.json()) == (401, REFUSAL)


def test_a_bad_key_is_told_before_anything_about_the_body(nobody: Api) -> None:
    assert nobody.send("POST", "/assistants", content=b"{").status_code == 401
    assert nobody.send("POST", "/assistants", content=b"x" * 2_000_000).status_code == 401


@pytest.mark.parametrize("path", ["/", "/nothing", "/chats", "/assistants/x/y", "/calls/x/y", "/Assistants"])
def test_unknown_paths_are_404(path: str, api: Api) -> None:
    for method in ("GET", "POST", "DELETE"):
        assert api.send(method, path).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/assistants"),
        ("DELETE", "/assistants"),
        ("POST", f"/assistants/{UNKNOWN_ID}"),
        ("DELETE", "/calls"),
        ("POST", "/usage"),
        ("POST", "/health"),
        ("PUT", "/organizations"),
        ("PATCH", f"/api-keys/{UNKNOWN_ID}"),
    ],
)
def test_other_methods_are_405(method: str, path: str, api: Api) -> None:
    answer = api.send(method, path)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_health_needs_no_key(nobody: Api) -> None:
    health = nobody.get("/health")
    assert health.keys() == {"status", "timestamp", "version", "checks"}
    assert health["status"] == "ok"
    assert health["checks"]["database"]["status"] == "ok"
    assert health["checks"]["database"]["latency_ms"] >= 0


def test_voices_are_grouped_by_language(api: Api) -> None:
    voices = api.get("/voices")["voices"]
    assert voices
    languages = [voice["language"] for voice in voices]
    assert languages == sorted(languages)
    for voice in voices:
        assert voice.keys() == {"id", "name", "language", "description"}
        assert voice["description"].keys() == {"en", "nl"}


def test_a_key_is_shown_once_works_and_can_be_revoked(api: Api, platform: LocalPlatform) -> None:
    made = api.post("/api-keys", {"name": "Build server"})["api_key"]
    secret = made.pop("secret")
    assert secret.startswith("fl_live_")
    assert made["last_four"] == secret[-4:]
    assert made in api.get("/api-keys")["api_keys"]
    assert secret not in api.send("GET", "/api-keys").text
    with Api(platform.api_url, key=secret) as other:
        assert other.get("/organizations")["id"] == api.get("/organizations")["id"]
        assert other.delete(f"/api-keys/{made['id']}", expect=409)["code"]  # the key in use
    assert api.delete(f"/api-keys/{made['id']}") == {"success": True}
    api.delete(f"/api-keys/{made['id']}", expect=404)
    assert made not in api.get("/api-keys")["api_keys"]


def test_keys_of_another_tenant_do_not_exist(api: Api, stranger: Api) -> None:
    made = api.post("/api-keys", {"name": "Ours"})["api_key"]
    stranger.delete(f"/api-keys/{made['id']}", expect=404)
    assert made["id"] in {key["id"] for key in api.get("/api-keys")["api_keys"]}


@pytest.mark.parametrize(
    ("body", "named"),
    [({}, "name"), ({"name": ""}, "name"), ({"name": "x" * 201}, "name"), ({"name": 1}, "name")],
)
def test_bad_key_names_are_refused(body: dict[str, object], named: str, api: Api) -> None:
    assert named_in(api.post("/api-keys", body, expect=400)) == {named}


def test_the_limit_of_a_key_is_not_its_owners_to_set(api: Api) -> None:
    body = {"name": "Fast", "rate_limit_per_minute": 100_000}
    assert named_in(api.post("/api-keys", body, expect=400)) == {"rate_limit_per_minute"}
