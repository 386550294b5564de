"""Every member of an assistant: what is taken, what is refused by name, what null does."""

import json
from typing import Any

import pytest

from tests.contract.assistant_cases import ACCEPTED, FULL, NULLABLE, REFUSED, deepgram, elevenlabs, llm, speech, tools
from tests.contract.client import Api, named_in
from tests.contract.resources import ASSISTANTS, UNKNOWN_ID


def label(case: Any) -> str:
    return json.dumps(case)[:60] if isinstance(case, dict) else ""


def warned_of(answer: dict[str, Any]) -> set[str]:
    return {line.split(":")[0] for line in answer.get("warnings", [])}


@pytest.fixture(scope="module")
def made(api: Api) -> dict[str, Any]:
    return ASSISTANTS.create(api)


@pytest.mark.parametrize("members", ACCEPTED, ids=label)
def test_what_the_contract_allows_is_stored(members: dict[str, Any], made: dict[str, Any], api: Api) -> None:
    changed = api.patch(ASSISTANTS.at(made), members)
    assert warned_of(changed) == {name for name in members if name.startswith("notification_") and members[name]}
    read = ASSISTANTS.read(api, made)
    assert read == changed["assistant"]
    for name, value in members.items():
        assert _holds(read[name], value), read[name]
    assert _holds(ASSISTANTS.create(api, **members), members)


def _holds(stored: Any, sent: Any) -> bool:
    """Whether everything that was sent is there; defaults may have come beside it."""
    if isinstance(sent, dict) and isinstance(stored, dict):
        return all(name in stored and _holds(stored[name], value) for name, value in sent.items())
    if isinstance(sent, list) and isinstance(stored, list):
        return len(stored) == len(sent) and all(map(_holds, stored, sent))
    return bool(stored == sent) or (sent, stored) == ("11labs", "elevenlabs")


@pytest.mark.parametrize(("members", "named"), REFUSED, ids=label)
def test_what_it_does_not_allow_is_refused_by_name(members: dict[str, Any], named: str, made: Any, api: Api) -> None:
    before = ASSISTANTS.read(api, made)
    assert named in named_in(api.patch(ASSISTANTS.at(made), members, expect=400))
    assert named in named_in(api.post("/assistants", {"name": "x", **members}, expect=400))
    assert ASSISTANTS.read(api, made) == before


@pytest.mark.parametrize("name", NULLABLE)
def test_null_clears_and_reaches_storage(name: str, api: Api) -> None:
    made = ASSISTANTS.create(api, **FULL)
    assert made[name] is not None
    cleared = api.patch(ASSISTANTS.at(made), {name: None})["assistant"]
    assert cleared[name] is None
    assert ASSISTANTS.read(api, made) == cleared
    assert {other for other in made if made[other] != cleared[other]} == {name, "updated_at"}


def test_null_for_a_provider_brings_back_the_default(api: Api) -> None:
    made = ASSISTANTS.create(api, **deepgram(), **elevenlabs(), **llm())
    cleared = api.patch(ASSISTANTS.at(made), {"stt_config": None, "tts_config": None, "llm_config": None})["assistant"]
    assert [cleared[name]["provider"] for name in ("stt_config", "tts_config", "llm_config")] == ["local"] * 3


def test_a_nested_object_replaces_the_stored_one_whole(api: Api) -> None:
    made = ASSISTANTS.create(api, **speech(end_call_message="Bye", first_message_outbound="Hello"))
    changed = api.patch(ASSISTANTS.at(made), speech(end_call_message="Ciao"))["assistant"]
    assert changed["speech_config"] == {"end_call_message": "Ciao"}


def test_a_realtime_model_needs_no_recogniser_and_no_voice(api: Api) -> None:
    body = {"llm_config": {"provider": "openai_live", "model": "gpt-live-1"}}
    made = ASSISTANTS.create(api, **body)
    assert (made["stt_config"], made["tts_config"]) == (None, None)
    answer = api.post("/assistants", {"name": "x", **body, **deepgram()})
    assert answer["assistant"]["stt_config"] is None
    assert any(line.startswith("stt_config") for line in answer["warnings"])


def test_deprecated_spellings_of_tools_are_taken(api: Api) -> None:
    number = {"type": "number", "number": "+31201234567", "description": "d"}
    old = tools({"type": "endCall"}, {"type": "transferCall", "destinations": [number]})
    stored = ASSISTANTS.create(api, **old)["llm_config"]["tools"]
    assert [tool["type"] for tool in stored] == ["end_call", "transfer_call"]
    nested = {"type": "function", "function": {"name": "f", "description": "d"}, "async": True}
    flat = ASSISTANTS.create(api, **tools(nested))["llm_config"]["tools"][0]
    assert (flat["name"], flat["async"], "function" in flat) == ("f", True, False)


@pytest.mark.parametrize("kind", ["mcp", "template"])
def test_tools_that_name_objects_nobody_made_are_refused(kind: str, api: Api) -> None:
    named = {"mcp": {"mcp_server_id": UNKNOWN_ID, "allowed_tools": ["a"]}, "template": {"template_id": UNKNOWN_ID}}
    answer = api.send("POST", "/assistants", json={"name": "x", **tools({"type": kind, **named[kind]})})
    assert answer.status_code in {400, 404}, answer.text


def test_a_stored_assistant_has_a_bound(api: Api) -> None:
    long = {"name": "x", **llm(messages=[{"role": "system", "content": "x" * 340 * 1024}])}
    made = api.post("/assistants", long)["assistant"]
    assert ASSISTANTS.read(api, made)["llm_config"] == made["llm_config"]
    api.delete(ASSISTANTS.at(made))
    too_long = {"name": "x", **llm(messages=[{"role": "system", "content": "x" * 360 * 1024}])}
    assert api.post("/assistants", too_long, expect=413)["code"] == "body_too_large"


def test_fields_of_other_providers_are_accepted_ignored_and_named(api: Api) -> None:
    answer = api.post("/assistants", {"name": "x", **llm(voice="ara"), **elevenlabs(instructions="softly")})
    assert {line.split(":")[0] for line in answer["warnings"]} == {"llm_config.voice", "tts_config.instructions"}
    assert "voice" not in answer["assistant"]["llm_config"]


SEED = {
    "llm_config": {
        "provider": "openai", "model": "gpt-5", "voice": "ara", "temperature": 0.7,
        "messages": [{"role": "system", "content": "string"}], "tools": [{}],
    },
    "stt_config": {
        "provider": "deepgram", "model": "nova-3-general", "language": "multi",
        "keyterms": ["yes", "no", "okay", "Acme"],
    },
    "tts_config": {
        "provider": "openai", "voice_id": "alloy", "model": "eleven_flash_v2_5", "language": "nl", "stability": 0.5,
        "similarity_boost": 0.75, "use_speaker_boost": True, "speed": 1, "style": 0,
    },
    "first_message": "Hello, how can I help you?",
    "max_duration_seconds": 300,
    "analysis_plan": {
        "structured_data_plan": {
            "enabled": True,
            "schema": {
                "type": "object",
                "properties": {
                    "intent": {"type": "string"},
                    "sentiment": {"type": "string", "enum": ["positive", "neutral", "negative"]},
                    "appointment_booked": {"type": "boolean"},
                },
            },
            "messages": [{"role": "system", "content": "Analyze the following call transcript: {{schema}}"}],
        },
        "min_messages_threshold": 2,
    },
    "autonomous_silence_handling": False,
    "voicemail_detection": False,
    "voicemail_message": "string",
    "business_name": "Acme Corp",
    "metadata": {"crm_id": "12345", "campaign_id": "summer-2025", "customer_tier": "premium"},
}  # fmt: skip


def test_the_published_example_is_accepted_and_can_be_sent_back(api: Api) -> None:
    answer = api.post("/assistants", {"name": "Example", **SEED})
    assert answer["warnings"]
    made = ASSISTANTS.read(api, answer["assistant"])
    back = api.patch(ASSISTANTS.at(made), made)
    assert "warnings" not in back
    assert back["assistant"] == made | {"updated_at": back["assistant"]["updated_at"]}
    for name in SEED.keys() - {"llm_config", "tts_config", "analysis_plan"}:
        assert made[name] == SEED[name]
