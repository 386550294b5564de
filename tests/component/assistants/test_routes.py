"""The assistant routes, through the real frame."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from functions.assistants.router import router
from sovereign.domains import DomainStore
from sovereign.kernel.table import Ref, Table
from tests.component.assistants.fixtures import ORG, OTHER_ORG, UNKNOWN_ID, Api, Requests
from tests.component.notifications.world import domain

SEED = {
    "name": "Seed",
    "llm_config": {
        "provider": "openai",
        "model": "gpt-5",
        "voice": "ara",
        "temperature": 0.7,
        "messages": [{"role": "system", "content": "string"}],
        "tools": [{}],
    },
    "stt_config": {"provider": "deepgram", "model": "nova-3-general", "language": "multi", "keyterms": ["yes", "no"]},
    "tts_config": {
        "provider": "openai",
        "voice_id": "alloy",
        "model": "eleven_flash_v2_5",
        "language": "nl",
        "stability": 0.5,
        "similarity_boost": 0.75,
        "use_speaker_boost": True,
        "speed": 1,
        "style": 0,
    },
    "max_duration_seconds": 300,
}
SECRET = "whsec_0123456789abcdef"


@pytest.fixture
def client(api: Api) -> TestClient:
    return api(router)


def create(client: TestClient, **members: Any) -> dict[str, Any]:
    answer = client.post("assistants", json={"name": "Front desk", **members})
    assert answer.status_code == 201, answer.text
    assistant: dict[str, Any] = answer.json()["assistant"]
    return assistant


def test_create_with_name_only_fills_every_default(client: TestClient) -> None:
    made = create(client)
    assert made.pop("id")
    assert made.pop("created_at") == made.pop("updated_at")
    assert made == {
        "name": "Front desk",
        "business_name": None,
        "notification_email": None,
        "notification_emails": None,
        "first_message": None,
        "is_active": True,
        "max_duration_seconds": 1800,
        "autonomous_silence_handling": False,
        "silence_timeout_seconds": 8,
        "voicemail_detection": False,
        "voicemail_message": None,
        "gdpr_mode": False,
        "recording_consent": None,
        "recording_enabled": False,
        "webhook_url": None,
        "webhook_secret": None,
        "webhook_events": None,
        "analysis_plan": None,
        "stt_config": {"provider": "local", "model": "moonshine-base-en", "language": "en"},
        "llm_config": {"provider": "local", "model": "intents", "messages": [], "tools": [], "temperature": 0.7},
        "tts_config": {"provider": "local", "model": "hibari", "voice_id": "heart"},
        "speech_config": None,
        "metadata": None,
        "postcall_stt": None,
        "postcall_llm": None,
        "recording_notice": None,
        "ai_disclosure": "You are speaking with an AI assistant.",
    }


def test_agents_alias_uses_its_own_envelopes(client: TestClient) -> None:
    made = client.post("agents", json={"name": "A"}).json()["agent"]
    assert client.get(f"agents/{made['id']}").json() == {"agent": made}
    assert client.get("agents").json() == {"agents": [made]}
    assert client.get("assistants").json() == {"assistants": [made]}
    assert client.patch(f"agents/{made['id']}", json={"name": "B"}).json()["agent"]["name"] == "B"
    assert client.delete(f"agents/{made['id']}").json() == {"success": True}


def test_seed_example_is_accepted_with_warnings(client: TestClient) -> None:
    answer = client.post("assistants", json=SEED)
    assert answer.status_code == 201
    warned = {line.split(":")[0] for line in answer.json()["warnings"]}
    assert warned == {
        "llm_config.voice",
        "llm_config.tools[0]",
        "tts_config.model",
        "tts_config.language",
        "tts_config.stability",
        "tts_config.similarity_boost",
        "tts_config.use_speaker_boost",
        "tts_config.style",
    }


def test_addresses_that_get_no_mail_yet_are_warned_of_when_they_are_set(client: TestClient, table: Table) -> None:
    made = client.post("assistants", json={"name": "A", "notification_email": "a@x.example"}).json()
    assert [line.split(":")[0] for line in made["warnings"]] == ["notification_email"]
    place = f"assistants/{made['assistant']['id']}"
    both = {"notification_email": "a@x.example", "notification_emails": ["b@x.example"]}
    changed = client.patch(place, json=both).json()
    assert [line.split(":")[0] for line in changed["warnings"]] == ["notification_emails"]
    assert "x.example" not in str(changed["warnings"])
    for unwarned in ({"name": "B"}, {"notification_email": None, "notification_emails": []}):
        assert "warnings" not in client.patch(place, json=unwarned).json(), unwarned
    DomainStore(table).save(domain())
    assert "warnings" not in client.patch(place, json=both).json()


def test_whole_object_can_be_sent_back(client: TestClient) -> None:
    made = client.post("assistants", json={**SEED, "webhook_secret": SECRET}).json()["assistant"]
    answer = client.patch(f"assistants/{made['id']}", json={**made, "first_message": "Hi"})
    assert answer.status_code == 200, answer.text
    changed = answer.json()["assistant"]
    assert {n for n in made if made[n] != changed[n]} <= {"first_message", "updated_at"}
    assert "warnings" not in answer.json()


def test_every_problem_is_listed_with_its_path(client: TestClient) -> None:
    body = {
        "name": "",
        "max_duration_seconds": 9,
        "notification_email": "nobody",
        "webhook_url": "http://10.0.0.1/x",
        "webhook_events": ["call-started"],
        "unknown": 1,
        "llm_config": {"provider": "openai", "model": "gpt-1", "temperature": 3},
        "tts_config": {"provider": "voicedock", "voice_id": "voicedock"},
        "analysis_plan": {"structured_data_plan": {"schema": {"type": "strin"}}},
        "speech_config": {"turn_taking": {"endpointing_min_delay": 4}},
    }
    answer = client.post("assistants", json=body)
    assert answer.status_code == 400
    paths = [entry.split(": ")[0] for entry in answer.json()["details"]]
    assert sorted(paths) == [
        "analysis_plan.structured_data_plan.schema",
        "llm_config.model",
        "llm_config.temperature",
        "max_duration_seconds",
        "name",
        "notification_email",
        "speech_config.turn_taking",
        "tts_config.provider",
        "unknown",
        "webhook_events[0]",
        "webhook_url",
    ]


@pytest.mark.parametrize(
    "address", ["John <a@b.co>", "<a@b.co>", '"J" <a@b.co>', " a@b.co ", "a@b.co\u00a0", "a@b.co\n", "a@b", "a b@b.co"]
)
def test_only_a_bare_address_gets_mail(client: TestClient, address: str) -> None:
    answer = client.post("assistants", json={"name": "A", "notification_emails": ["a@b.co", address]})
    assert answer.status_code == 400
    assert [entry.split(": ")[0] for entry in answer.json()["details"]] == ["notification_emails[1]"]


@pytest.mark.parametrize("address", ["a.b+c@B.CO", "é@b.co", "a@bücher.example", "a@xn--bcher-kva.example"])
def test_address_is_kept_as_it_is_written(client: TestClient, address: str) -> None:
    assert create(client, notification_email=address)["notification_email"] == address


def test_null_clears_and_reaches_storage(client: TestClient) -> None:
    made = create(client, first_message="Hi", metadata={"a": 1}, voicemail_message="Later", ai_disclosure="AI here")
    nulls = {"first_message": None, "metadata": None, "voicemail_message": None, "ai_disclosure": None}
    client.patch(f"assistants/{made['id']}", json=nulls)
    stored = client.get(f"assistants/{made['id']}").json()["assistant"]
    assert {name: stored[name] for name in nulls} == nulls


@pytest.mark.parametrize("name", ["name", "is_active", "silence_timeout_seconds", "gdpr_mode"])
def test_null_for_a_member_that_has_none_is_refused(client: TestClient, name: str) -> None:
    made = create(client)
    answer = client.patch(f"assistants/{made['id']}", json={name: None})
    assert answer.status_code == 400
    assert answer.json()["details"][0].startswith(f"{name}: ")


def test_nested_object_replaces_the_stored_one_whole(client: TestClient) -> None:
    made = create(client, speech_config={"end_call_message": "Bye", "turn_taking": {"endpointing_min_delay": 0.5}})
    answer = client.patch(f"assistants/{made['id']}", json={"speech_config": {"end_call_message": "So long"}})
    assert answer.json()["assistant"]["speech_config"] == {"end_call_message": "So long"}


def test_realtime_model_stores_neither_recogniser_nor_voice(client: TestClient) -> None:
    realtime = {"provider": "openai_live", "model": "gpt-live-1"}
    answer = client.post("assistants", json={**SEED, "llm_config": realtime})
    made = answer.json()["assistant"]
    assert (made["stt_config"], made["tts_config"]) == (None, None)
    assert made["llm_config"]["voice"] == "marin"
    assert "stt_config: not used with a realtime model, stored as null" in answer.json()["warnings"]
    text = {"provider": "local", "model": "intents"}
    back = client.patch(f"assistants/{made['id']}", json={"llm_config": text}).json()["assistant"]
    assert back["stt_config"]["provider"] == back["tts_config"]["provider"] == "local"


def test_secrets_are_masked_encrypted_and_kept_when_the_mask_comes_back(client: TestClient, table: Table) -> None:
    tool = {"name": "book", "description": "Books", "server": {"url": "https://example.com/t", "secret": SECRET}}
    made = create(client, webhook_secret=SECRET, llm_config={"provider": "local", "model": "intents", "tools": [tool]})
    assert made["webhook_secret"] == "whsec_...cdef"
    assert made["llm_config"]["tools"][0]["server"]["secret"] == "whsec_...cdef"
    item = table.get(Ref(f"ORG#{ORG}", f"ASSISTANT#{made['id']}"))
    assert item is not None
    assert SECRET not in str(item)
    other = {"name": "ask", "description": "Asks"}
    moved = {**made["llm_config"], "tools": [other, made["llm_config"]["tools"][0]]}
    client.patch(f"assistants/{made['id']}", json={"llm_config": moved, "webhook_secret": made["webhook_secret"]})
    after = table.get(Ref(f"ORG#{ORG}", f"ASSISTANT#{made['id']}"))
    assert after is not None
    assert after["secrets"] == item["secrets"]


def test_foreign_mask_is_refused_by_name(client: TestClient) -> None:
    made = create(client)
    answer = client.patch(f"assistants/{made['id']}", json={"webhook_secret": "whsec_...abcd"})
    assert answer.status_code == 400
    assert answer.json()["details"][0].startswith("webhook_secret: is a mask")


def test_reference_to_an_unknown_server_or_template_is_named(client: TestClient) -> None:
    tools = [
        {"type": "mcp", "mcp_server_id": UNKNOWN_ID, "allowed_tools": ["find"]},
        {"type": "template", "template_id": UNKNOWN_ID},
    ]
    plan = {"structured_data_plan": {"template_id": UNKNOWN_ID}}
    body = {"name": "A", "llm_config": {"provider": "local", "model": "intents", "tools": tools}, "analysis_plan": plan}
    answer = client.post("assistants", json=body)
    assert answer.status_code == 400
    assert answer.json()["details"] == [
        "llm_config.tools[0].mcp_server_id: no such mcp server",
        "llm_config.tools[1].template_id: no such tool template",
        "analysis_plan.structured_data_plan.template_id: no such analysis template",
    ]


@pytest.mark.parametrize(("size", "status"), [(300 * 1024, 201), (360 * 1024, 413)])
def test_size_of_a_whole_assistant_is_bounded(client: TestClient, size: int, status: int) -> None:
    messages = [{"role": "system", "content": "x" * size}]
    body = {"name": "A", "llm_config": {"provider": "local", "model": "intents", "messages": messages}}
    assert client.post("assistants", json=body).status_code == status


def with_secrets(count: int) -> dict[str, Any]:
    tools = [{"name": f"t{n}", "description": "", "server": {"secret": f"secret-{n}"}} for n in range(count)]
    return {"name": "A", "llm_config": {"provider": "local", "model": "intents", "tools": tools}}


def test_many_secrets_are_bounded_with_what_they_take_encrypted(client: TestClient) -> None:
    made = create(client, **with_secrets(600))
    for refused in (
        client.post("assistants", json=with_secrets(2200)),
        client.patch(f"assistants/{made['id']}", json=with_secrets(2200)),
        client.post("assistants", json={"name": "A", "metadata": {"secret": [1] * 4000}}),
    ):
        assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("metadata", [{"": 1e100}, {"deep": [[[[[[[[[[]]]]]]]]]]}, {"text": "\U0001f600 שלום"}])
def test_free_metadata_survives_as_it_is(client: TestClient, metadata: dict[str, Any]) -> None:
    made = create(client, metadata=metadata)
    assert client.get(f"assistants/{made['id']}").json()["assistant"]["metadata"] == metadata


def test_metadata_over_8_kib_is_refused(client: TestClient) -> None:
    answer = client.post("assistants", json={"name": "A", "metadata": {"a": "x" * 8192}})
    assert (answer.status_code, answer.json()["details"][0].split(":")[0]) == (400, "metadata")


@pytest.mark.parametrize("path", [UNKNOWN_ID, "not-an-id", "a#b", "x" * 300])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_unknown_id_is_not_found(client: TestClient, method: str, path: str) -> None:
    body = {"json": {"name": "B"}} if method == "PATCH" else {}
    assert client.request(method, f"assistants/{path}", **body).status_code == 404


def test_other_organizations_assistant_does_not_exist(client: TestClient, api: Api) -> None:
    made = create(client)
    stranger = api(router, org_id=OTHER_ORG)
    path = f"assistants/{made['id']}"
    assert stranger.get(path).status_code == 404
    assert stranger.patch(path, json={"name": "mine"}).status_code == 404
    assert stranger.delete(path).status_code == 404
    assert stranger.get("assistants").json() == {"assistants": []}
    assert client.get(path).json() == {"assistant": made}


def test_read_only_members_that_differ_are_refused(client: TestClient) -> None:
    made = create(client)
    answer = client.patch(f"assistants/{made['id']}", json={"id": UNKNOWN_ID, "created_at": made["created_at"]})
    assert (answer.status_code, answer.json()["details"][0].split(":")[0]) == (400, "id")
    assert client.post("assistants", json={"name": "A", "id": UNKNOWN_ID}).status_code == 400


def test_routes_stay_within_their_table_requests(client: TestClient, requests_made: Requests) -> None:
    def spent(send: Any) -> int:
        requests_made.clear()
        assert send().status_code < 300
        return len(requests_made)

    assert spent(lambda: client.post("assistants", json={"name": "A"})) <= 3
    made = create(client)
    assert spent(lambda: client.get("assistants")) <= 2
    assert spent(lambda: client.get(f"assistants/{made['id']}")) <= 2
    assert spent(lambda: client.patch(f"assistants/{made['id']}", json={"name": "B"})) <= 3
    assert spent(lambda: client.delete(f"assistants/{made['id']}")) <= 3


def test_active_assistants_are_counted(client: TestClient, table: Table) -> None:
    def count() -> int:
        return (table.get(Ref(f"ORG#{ORG}", "COUNTERS")) or {}).get("active_agents", 0)

    made, asleep = create(client), create(client, is_active=False)
    assert count() == 1
    client.patch(f"assistants/{asleep['id']}", json={"is_active": True})
    assert count() == 2
    client.delete(f"assistants/{made['id']}")
    assert count() == 1
