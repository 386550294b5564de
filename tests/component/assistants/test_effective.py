"""Which assistant a call runs with."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sovereign.assistants import (
    AssistantChanges,
    AssistantSettings,
    AssistantStore,
    EffectiveAssistant,
    Rejection,
    requested_assistant_id,
    transient,
    with_answer,
    with_override,
)
from sovereign.assistants.sealed import Owner, Sealed, seal, unseal, without_secrets
from sovereign.assistants.settings import CallMembers
from sovereign.kernel.encryption import Cipher, DecryptionError
from sovereign.kernel.errors import ConflictError, InvalidRequestError
from sovereign.kernel.masking import mask_secret, masked
from sovereign.kernel.table import Table
from tests.component.assistants.fixtures import ORG, OTHER_ORG, UNKNOWN_ID

SECRET = "whsec_0123456789abcdef"
LLM = {"provider": "local", "model": "intents"}
STT = {"provider": "local", "model": "moonshine-base-en", "language": "en"}
TTS = {"provider": "local", "voice_id": "heart"}
REALTIME = {"provider": "openai_live", "model": "gpt-live-1"}
PIPELINE = {"llm_config": LLM, "stt_config": STT, "tts_config": TTS}


class PlainCipher:
    """Marks texts instead of encrypting them."""

    def encrypt(self, text: str, *, org_id: str, resource: str) -> str:
        return f"{org_id}|{resource}|{text}"

    def decrypt(self, token: str, *, org_id: str, resource: str) -> str:
        assert token.startswith(f"{org_id}|{resource}|")
        return token.split("|", 2)[2]


PLAIN: Any = PlainCipher()


def base(**members: Any) -> EffectiveAssistant:
    return transient({**PIPELINE, **members})


def problems(act: Any, *args: Any, **named: Any) -> list[str]:
    with pytest.raises(InvalidRequestError) as refusal:
        act(*args, **named)
    return [entry.split(": ")[0] for entry in refusal.value.details]


def test_override_replaces_whole_blocks_and_nothing_else() -> None:
    saved = base(first_message="Hello", metadata={"a": 1, "b": 2}, speech_config={"end_call_message": "Bye"})
    changed = with_override(saved, {"metadata": {"c": 3}, "first_message": None, "max_duration_seconds": 60})
    assert changed.settings.metadata == {"c": 3}
    assert changed.settings.first_message is None
    assert changed.max_duration_seconds == 60
    assert changed.settings.speech_config == saved.settings.speech_config
    assert (changed.llm, changed.stt, changed.tts) == (saved.llm, saved.stt, saved.tts)


def test_override_refuses_unknown_members_and_names_every_problem() -> None:
    override = {"max_duration_seconds": 5, "is_active": True, "llm_config": {"provider": "local", "model": "x"}}
    assert sorted(problems(with_override, base(), override)) == [
        "assistant_override.is_active",
        "assistant_override.llm_config.model",
        "assistant_override.max_duration_seconds",
    ]


def test_override_to_a_realtime_model_drops_recogniser_and_voice() -> None:
    changed = with_override(base(), {"llm_config": REALTIME})
    assert (changed.pipeline, changed.stt, changed.tts) == ("realtime", None, None)
    assert problems(with_override, changed, {"llm_config": LLM}) == [
        "assistant_override.stt_config",
        "assistant_override.tts_config",
    ]
    assert with_override(changed, PIPELINE).pipeline == "standard"


@pytest.mark.parametrize("name", ["llm_config", "stt_config", "tts_config"])
def test_override_cannot_take_away_what_a_pipeline_needs(name: str) -> None:
    assert problems(with_override, base(), {name: None}) == [f"assistant_override.{name}"]


@pytest.mark.parametrize("name", ["llm_config", "stt_config", "tts_config"])
def test_transient_pipeline_needs_all_three_configs(name: str) -> None:
    assert problems(transient, {n: c for n, c in PIPELINE.items() if n != name}) == [f"assistant.{name}"]
    assert transient({"llm_config": REALTIME}).pipeline == "realtime"


def test_transient_has_the_platforms_defaults() -> None:
    made = base()
    assert (made.assistant_id, made.assistant_name, made.max_duration_seconds) == (None, None, 1800)
    assert made.settings.ai_disclosure
    assert made.silence is None


def test_webhook_url_of_an_override_passes_the_egress_guard() -> None:
    assert problems(with_override, base(), {"webhook_url": "http://127.0.0.1/"}) == ["assistant_override.webhook_url"]
    tools = [{"name": "a", "description": "", "url": "http://[::1]/"}]
    assert problems(transient, {**PIPELINE, "llm_config": {**LLM, "tools": tools}}) == [
        "assistant.llm_config.tools[0].url"
    ]


def test_error_in_an_answer_beats_everything() -> None:
    answer = {"error": "Closed", "assistant": PIPELINE, "assistant_id": UNKNOWN_ID}
    assert with_answer(base(), answer) == Rejection("Closed")
    assert requested_assistant_id(answer) is None


def test_assistant_in_an_answer_beats_assistant_id() -> None:
    answer = {"assistant": {**PIPELINE, "first_message": "New"}, "assistant_id": UNKNOWN_ID}
    assert requested_assistant_id(answer) is None
    chosen = with_answer(base(first_message="Old"), answer)
    assert isinstance(chosen, EffectiveAssistant)
    assert chosen.settings.first_message == "New"


def test_answer_by_id_applies_the_override_to_the_named_one() -> None:
    named = base(first_message="Named").model_copy(update={"assistant_id": UNKNOWN_ID})
    answer = {"agent_id": UNKNOWN_ID, "assistant_override": {"metadata": {"a": 1}, "crm": 7}}
    assert requested_assistant_id(answer) == UNKNOWN_ID
    chosen = with_answer(base(), answer, named=named)
    assert isinstance(chosen, EffectiveAssistant)
    assert (chosen.assistant_id, chosen.settings.first_message) == (UNKNOWN_ID, "Named")
    assert chosen.public_view()["crm"] == 7
    assert problems(with_answer, base(), answer) == ["assistant_id"]


def test_empty_answer_keeps_the_saved_assistant() -> None:
    saved = base()
    assert with_answer(saved, {}) is saved
    assert with_answer(None, {}) is None


@pytest.mark.parametrize("beside", [{}, {"assistant": PIPELINE}])
def test_duration_beside_any_answer_limits_the_call(beside: dict[str, Any]) -> None:
    chosen = with_answer(base(), {**beside, "max_duration_seconds": 30})
    assert isinstance(chosen, EffectiveAssistant)
    assert chosen.max_duration_seconds == 30
    assert problems(with_answer, base(), {**beside, "max_duration_seconds": 5}) == ["max_duration_seconds"]


def test_unknown_members_of_an_answer_are_echoed_without_secrets() -> None:
    members = {**PIPELINE, "metadata": {"crm_id": "1", "api_key": SECRET}, "crm": {"tier": 1, "headers": {"a": SECRET}}}
    chosen = with_answer(base(), {"assistant": members, "campaign": "summer"})
    assert isinstance(chosen, EffectiveAssistant)
    view = chosen.public_view()
    assert (view["crm"], view["campaign"], view["metadata"]) == ({"tier": 1}, "summer", {"crm_id": "1"})
    assert SECRET not in str(view)


@pytest.mark.parametrize(
    ("answer", "path"),
    [
        ({"assistant": {**PIPELINE, "max_duration_seconds": "30"}}, "assistant.max_duration_seconds"),
        ({"assistant": []}, "assistant"),
        ({"assistant_id": 5}, "assistant_id"),
        ({"error": {"text": "no"}}, "error"),
        ({"assistant": {**PIPELINE, "extra": "\ud800"}}, "assistant"),
    ],
)
def test_known_members_that_do_not_validate_are_a_failure(answer: dict[str, Any], path: str) -> None:
    assert problems(with_answer, base(), answer) == [path]


def test_deep_answer_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(50_000):
        deep = [deep]
    assert problems(with_answer, base(), {"extra": deep}) == ["answer"]


def test_transient_answer_cannot_lift_consent_privacy_or_the_webhook(table: Table, cipher: Cipher) -> None:
    store = AssistantStore(table, cipher)
    members = {
        "name": "Private",
        "gdpr_mode": True,
        "recording_consent": {"enabled": True, "message": "Press one"},
        "ai_disclosure": "I am a machine",
        "webhook_url": "https://example.com/hook",
        "webhook_secret": SECRET,
    }
    saved = store.effective(store.create(ORG, AssistantSettings.model_validate(members)).assistant)
    chosen = with_answer(saved, {"assistant": {**PIPELINE, "gdpr_mode": False}})
    assert isinstance(chosen, EffectiveAssistant)
    kept = chosen.settings
    assert (kept.gdpr_mode, kept.ai_disclosure, chosen.assistant_id) == (True, "I am a machine", None)
    assert kept.recording_consent == saved.settings.recording_consent
    assert (kept.webhook_url, kept.webhook_secret) == ("https://example.com/hook", SECRET)
    moved = with_answer(saved, {"assistant": {**PIPELINE, "webhook_url": "https://other.example"}})
    assert isinstance(moved, EffectiveAssistant)
    assert (moved.settings.webhook_url, moved.settings.webhook_secret) == ("https://other.example", None)


def test_mask_in_an_override_stands_for_the_saved_secret() -> None:
    tool = {"name": "book", "description": "", "server": {"url": "https://example.com", "secret": SECRET}}
    saved = base(webhook_secret=SECRET, llm_config={**LLM, "tools": [tool]})
    masked = {**tool, "server": {**tool["server"], "secret": mask_secret(SECRET)}}  # type: ignore[dict-item]
    changed = with_override(saved, {"webhook_secret": mask_secret(SECRET), "llm_config": {**LLM, "tools": [masked]}})
    assert changed.settings == saved.settings
    assert problems(with_override, base(), {"webhook_secret": mask_secret(SECRET)}) == [
        "assistant_override.webhook_secret"
    ]


def test_public_view_shows_the_effective_members_without_secrets() -> None:
    schema = {"type": "object", "properties": {"secret": {"type": "string"}}}
    tool = {"name": "t", "description": "", "parameters": schema, "server": {"url": "https://e.com", "secret": SECRET}}
    view = base(llm_config={**LLM, "tools": [tool]}, webhook_secret=SECRET).public_view()
    assert set(view) == {
        "llm_config", "stt_config", "tts_config", "first_message", "max_duration_seconds", "analysis_plan",
        "autonomous_silence_handling", "voicemail_detection", "voicemail_message", "business_name", "metadata",
    }  # fmt: skip
    assert SECRET not in str(view)
    assert view["llm_config"]["tools"][0]["parameters"] == schema


def test_frozen_form_is_encrypted_for_its_call_and_comes_back(cipher: Cipher, table: Table) -> None:
    effective = with_answer(base(webhook_secret=SECRET), {"note": {"secret": SECRET, "masked": {"secret": "..."}}})
    assert isinstance(effective, EffectiveAssistant)
    frozen = effective.freeze(cipher, org_id=ORG, call_id="call-1")
    assert SECRET not in str(frozen)
    assert EffectiveAssistant.thaw(frozen, cipher, org_id=ORG, call_id="call-1") == effective
    for org_id, call_id in ((OTHER_ORG, "call-1"), (ORG, "call-2")):
        with pytest.raises(DecryptionError):
            EffectiveAssistant.thaw(frozen, cipher, org_id=org_id, call_id=call_id)


def test_a_frozen_assistant_of_a_newer_version_is_read_without_its_new_members() -> None:
    effective = base(speech_config={"end_call_message": "Bye."})
    frozen = effective.freeze(PLAIN, org_id="o", call_id="c")
    frozen["document"]["from_the_future"] = {"a": 1}
    frozen["document"]["speech_config"]["from_the_future"] = True

    assert EffectiveAssistant.thaw(frozen, PLAIN, org_id="o", call_id="c") == effective


def test_a_frozen_assistant_of_an_earlier_version_held_texts() -> None:
    effective = base(first_message="Hi", webhook_secret=SECRET)
    frozen = effective.freeze(PLAIN, org_id="o", call_id="c")
    texts = {name: json.dumps(value) if name in ("document", "secrets") else value for name, value in frozen.items()}
    assert EffectiveAssistant.thaw(texts, PLAIN, org_id="o", call_id="c") == effective


def test_effective_assistant_never_prints_its_content() -> None:
    assert SECRET not in repr(base(webhook_secret=SECRET))
    assert "Hello caller" not in repr(base(first_message="Hello caller"))


def test_silence_falls_back_to_the_timeout_and_brings_end_call() -> None:
    quiet = base(autonomous_silence_handling=True, silence_timeout_seconds=90)
    assert quiet.silence is not None
    assert (quiet.silence.first_check_seconds, quiet.silence.max_attempts) == (90, 3)
    assert [type(tool).__name__ for tool in quiet.tools] == ["EndCallTool"]
    with_settings = with_override(quiet, {"speech_config": {"silence": {"first_check_seconds": 5}}})
    assert with_settings.silence is not None
    assert with_settings.silence.first_check_seconds == 5


def test_greeting_of_an_outbound_call_falls_back() -> None:
    plain = base(first_message="Hi")
    assert (plain.greeting("inbound"), plain.greeting("outbound")) == ("Hi", "Hi")
    own = with_override(plain, {"speech_config": {"first_message_outbound": "It is me"}})
    assert (own.greeting("inbound"), own.greeting("outbound")) == ("Hi", "It is me")


def test_null_duration_is_the_longest_there_is() -> None:
    assert base(max_duration_seconds=None).max_duration_seconds == 14400


def test_store_applies_answers_within_the_organization(table: Table, cipher: Cipher) -> None:
    store = AssistantStore(table, cipher)
    mine = store.create(ORG, AssistantSettings(name="Mine")).assistant
    theirs = store.create(OTHER_ORG, AssistantSettings(name="Theirs")).assistant
    chosen = store.answered(ORG, None, {"assistant_id": mine.id})
    assert isinstance(chosen, EffectiveAssistant)
    assert chosen.assistant_name == "Mine"
    for foreign in (theirs.id, UNKNOWN_ID, "nonsense"):
        assert problems(store.answered, ORG, chosen, {"assistant_id": foreign}) == ["assistant_id"]
    tools = [{"type": "template", "template_id": UNKNOWN_ID}]
    answer = {"assistant": {**PIPELINE, "llm_config": {**LLM, "tools": tools}}}
    assert problems(store.answered, ORG, chosen, answer) == ["llm_config.tools[0].template_id"]


def test_concurrent_change_of_another_member_is_not_lost(table: Table, cipher: Cipher) -> None:
    store = AssistantStore(table, cipher)
    made = store.create(ORG, AssistantSettings(name="A")).assistant

    def change_meanwhile(_: object) -> None:
        if store.get(ORG, made.id).document["first_message"] is None:
            store.update(ORG, made.id, AssistantChanges(first_message="Hi"))

    store.update(ORG, made.id, AssistantChanges(name="B"), accept=change_meanwhile)
    document = store.get(ORG, made.id).document
    assert (document["name"], document["first_message"]) == ("B", "Hi")


def test_change_that_is_overtaken_twice_is_a_conflict(table: Table, cipher: Cipher) -> None:
    store = AssistantStore(table, cipher)
    made = store.create(ORG, AssistantSettings(name="A")).assistant
    overtake = iter(["X", "Y"])

    def change_meanwhile(_: object) -> None:
        store.update(ORG, made.id, AssistantChanges(business_name=next(overtake)))

    with pytest.raises(ConflictError):
        store.update(ORG, made.id, AssistantChanges(name="B"), accept=change_meanwhile)
    assert store.get(ORG, made.id).document["business_name"] == "Y"


OVERRIDES = st.fixed_dictionaries(
    {},
    optional={
        "first_message": st.none() | st.text(max_size=20),
        "max_duration_seconds": st.none() | st.integers(10, 14400),
        "autonomous_silence_handling": st.booleans(),
        "silence_timeout_seconds": st.integers(1, 120),
        "voicemail_message": st.none() | st.text(max_size=20),
        "metadata": st.none() | st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
        "webhook_events": st.none() | st.just([]) | st.just(["tool-calls"]),
        "llm_config": st.just(LLM),
        "speech_config": st.none() | st.just({"end_call_message": "Bye"}),
    },
)


@settings(max_examples=60, deadline=None)
@given(OVERRIDES, OVERRIDES)
def test_two_overrides_equal_their_merge(first: dict[str, Any], second: dict[str, Any]) -> None:
    stepwise = with_override(with_override(base(), first), second)
    assert stepwise == with_override(base(), {**first, **second})
    unnamed = set(CallMembers.model_fields) - first.keys() - second.keys()
    assert all(getattr(stepwise.settings, name) == getattr(base().settings, name) for name in unnamed)


SECRET_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(
            st.sampled_from(["secret", "api_key", "headers", "a", "b/c", "d~e"]) | st.text(max_size=3),
            children,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["metadata", "webhook_secret", "x"]), SECRET_JSON))
def test_sealing_hides_every_secret_and_masks_round_trip(document: dict[str, Any]) -> None:
    owner = Owner("org", "assistant/1")
    sealed = seal(document, PLAIN, owner, literal=True)
    assert json.dumps(unseal(sealed, PLAIN, owner)) == json.dumps(document)  # each in its type: True is no 1
    assert masked(sealed.document) == sealed.document
    sent_back = seal(sealed.document, PLAIN, owner, kept=sealed)
    assert (sent_back.document, dict(sent_back.tokens)) == (sealed.document, dict(sealed.tokens))
    assert without_secrets(document) == without_secrets(sealed.document)


def test_a_changed_type_is_another_secret_and_a_mask_stands_for_the_old_value() -> None:
    owner = Owner("org", "assistant/1")
    sealed = seal({"metadata": {"secret": [1, {"pin": 4321}]}}, PLAIN, owner)
    assert sealed.document == {"metadata": {"secret": ["...", {"pin": "..."}]}}
    changed = seal({"metadata": {"secret": [True, {"pin": "..."}]}}, PLAIN, owner, kept=sealed)
    assert repr(unseal(changed, PLAIN, owner)) == repr({"metadata": {"secret": [True, {"pin": 4321}]}})
    saved = base(metadata={"secret": 4321})
    assert with_override(saved, {"metadata": {"secret": "...", "a": 1}}).settings.metadata == {"secret": 4321, "a": 1}


def test_tokens_of_documents_sealed_before_numbers_and_lists_were_secret_still_open() -> None:
    owner = Owner("org", "assistant/1")
    stored = {"metadata": {"headers": ["clear", {"secret": "..."}], "secret": 7}}
    earlier = Sealed(stored, {"/metadata/headers/1/secret": PLAIN.encrypt("old", org_id="org", resource="assistant/1")})
    opened = {"metadata": {"headers": ["clear", {"secret": "old"}], "secret": 7}}
    assert unseal(earlier, PLAIN, owner) == opened
    assert unseal(seal(stored, PLAIN, owner, kept=earlier), PLAIN, owner) == opened


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=6), children, max_size=3),
    max_leaves=6,
)
ANSWER_NAMES = st.sampled_from(
    ["error", "assistant", "agent", "assistant_id", "assistant_override", "max_duration_seconds", "metadata", "other"]
)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        ANSWER_NAMES,
        JSON | st.just(PIPELINE) | st.dictionaries(st.sampled_from(sorted(CallMembers.model_fields)), JSON),
    )
)
def test_any_answer_gives_an_assistant_or_our_error(answer: dict[str, Any]) -> None:
    saved = base()
    try:
        chosen = with_answer(saved, answer, named=saved)
    except InvalidRequestError:
        return
    if isinstance(chosen, EffectiveAssistant):
        frozen = chosen.freeze(PLAIN, org_id="o", call_id="c")
        assert EffectiveAssistant.thaw(frozen, PLAIN, org_id="o", call_id="c") == chosen
