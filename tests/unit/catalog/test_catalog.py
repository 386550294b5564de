"""The catalogue: names, models, voices, bounds and defaults."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError

from sovereign.catalog import BUILT_IN_VOICES, default_configs, provider, providers, validate
from sovereign.catalog.json_schema import check_object_schema, check_schema, depth_exceeds
from sovereign.catalog.languages import LANGUAGES, bcp47
from sovereign.catalog.postcall import default_postcall_llm
from sovereign.catalog.problems import problems_of
from sovereign.catalog.registry import LLM_CONFIGS, AnyLlm, AnyPostcallLlm, AnyPostcallStt, AnyStt, AnyTts, is_realtime
from sovereign.catalog.speech import SpeechConfig
from sovereign.kernel.errors import InvalidRequestError
from sovereign.kernel.settings import read_environment


class Configs(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    llm: AnyLlm | None = None
    stt: AnyStt | None = None
    tts: AnyTts | None = None
    speech: SpeechConfig | None = None
    postcall_stt: AnyPostcallStt | None = None
    postcall_llm: AnyPostcallLlm | None = None


def problems(**given: Any) -> list[str]:
    with pytest.raises(InvalidRequestError) as refusal:
        validate(Configs, given)
    return [entry.split(": ")[0] for entry in refusal.value.details]


def smallest(section: str, name: str) -> dict[str, Any]:
    entry = provider(section, name)  # type: ignore[arg-type]
    config: dict[str, Any] = {"provider": name}
    if entry.default_model:
        config["model"] = entry.default_model
    if section == "stt":
        config["language"] = "en"
    if section == "tts":
        config["voice_id"] = entry.default_voice or "alloy"
    return config


EVERY = [
    (section, entry.name)
    for section in ("llm", "stt", "tts", "postcall_stt", "postcall_llm")
    for entry in providers(section)
]


@pytest.mark.parametrize(("section", "name"), EVERY)
def test_every_provider_takes_its_defaults_and_its_stored_form(section: str, name: str) -> None:
    config = getattr(validate(Configs, {section: smallest(section, name)}), section)
    again = getattr(validate(Configs, {section: config.stored()}), section)
    assert again == config
    assert again.ignored == ()
    json.dumps(config.stored())


@pytest.mark.parametrize(("section", "name"), EVERY)
def test_every_provider_refuses_an_unknown_model_and_member(section: str, name: str) -> None:
    entry = provider(section, name)  # type: ignore[arg-type]
    wrong = {**smallest(section, name), "nonsense": 1}
    expected = {f"{section}.nonsense"}
    if entry.models:
        wrong["model"] = "no-such-model"
        expected.add(f"{section}.model")
    assert set(problems(**{section: wrong})) == expected


def test_names_of_the_catalogue_are_complete() -> None:
    names = {section: [entry.name for entry in providers(section)] for section in ("llm", "stt", "tts")}
    assert names == {
        "llm": ["local", "openai", "xai", "mistral", "google", "google_realtime", "xai_realtime", "openai_live"],
        "stt": ["local", "deepgram", "elevenlabs", "gladia", "mistral", "google"],
        "tts": ["local", "elevenlabs", "inworld", "google", "xai", "openai"],
    }
    assert [name for name, config in LLM_CONFIGS.items() if config.kind == "realtime"] == names["llm"][5:]


@pytest.mark.parametrize(
    ("section", "name", "model", "voice"),
    [
        ("llm", "openai", "gpt-5.4", None),
        ("llm", "xai", "grok-4.3", None),
        ("llm", "google_realtime", "gemini-live-2.5-flash-native-audio", "Puck"),
        ("stt", "deepgram", "nova-3", None),
        ("tts", "elevenlabs", "eleven_flash_v2_5", None),
        ("tts", "google", "gemini-3.1-flash-tts-preview", "Kore"),
        ("tts", "xai", None, "ara"),
        ("postcall_llm", "openai", "gpt-5.4-mini", None),
        ("postcall_llm", "google", "gemini-2.5-flash-lite", None),
        ("postcall_stt", "elevenlabs", "scribe_v2", None),
    ],
)
def test_default_models_and_voices_are_the_catalogues(section: Any, name: str, model: str, voice: str) -> None:
    entry = provider(section, name)
    assert (entry.default_model, entry.default_voice) == (model, voice)


@pytest.mark.parametrize(
    ("section", "base", "member", "good", "bad"),
    [
        ("llm", ("llm", "openai"), "temperature", [0, 2, 0.7], [-0.01, 2.01, "1", True, float("nan")]),
        ("llm", ("llm", "openai"), "max_completion_tokens", [1, 32768], [0, 32769, 1.5]),
        ("llm", ("llm", "google_realtime"), "max_output_tokens", [1, 32768], [0, 32769]),
        ("llm", ("llm", "google_realtime"), "voice", ["Zephyr"], ["zephyr", "ara"]),
        ("llm", ("llm", "xai_realtime"), "speed", [0.7, 1.5], [0.69, 1.51]),
        ("llm", ("llm", "xai_realtime"), "reasoning_effort", ["none", "high"], ["low"]),
        ("stt", ("stt", "deepgram"), "endpointing", [0, 5000], [-1, 5001, 0.5]),
        ("stt", ("stt", "deepgram"), "utterance_end_ms", [1000, 5000], [999, 5001]),
        ("stt", ("stt", "deepgram"), "language", ["multi", "no", "vi"], ["xx", "EN", None]),
        ("stt", ("stt", "local"), "language", ["en"], ["nl", "multi"]),
        ("stt", ("stt", "elevenlabs"), "sample_rate", [16000, 8000], [44100, "8000"]),
        ("stt", ("stt", "gladia"), "endpointing", [0.01, 1], [0.009, 1.1]),
        ("stt", ("stt", "gladia"), "region", ["eu-west", "us-west"], ["eu"]),
        ("tts", ("tts", "elevenlabs"), "stability", [0, 1], [-0.1, 1.1]),
        ("tts", ("tts", "elevenlabs"), "speed", [0.5, 2], [0.49, 2.1]),
        ("tts", ("tts", "elevenlabs"), "apply_text_normalization", ["auto", "on", "off"], [True]),
        ("tts", ("tts", "google"), "speaking_rate", [0.25, 2], [0.2, 2.1]),
        ("tts", ("tts", "openai"), "speed", [0.25, 4], [0.2, 4.1]),
        ("tts", ("tts", "openai"), "voice_id", ["alloy", "cedar"], ["heart", ""]),
        ("tts", ("tts", "inworld"), "speed", [0.5, 2], [0.4, 2.1]),
    ],
)
def test_bounds_hold_at_and_beyond_their_ends(section: str, base: Any, member: str, good: Any, bad: Any) -> None:
    for value in good:
        assert (
            getattr(getattr(validate(Configs, {section: {**smallest(*base), member: value}}), section), member) == value
        )
    for value in bad:
        assert problems(**{section: {**smallest(*base), member: value}}) == [f"{section}.{member}"]


def test_xai_turn_detection_is_clamped_not_refused() -> None:
    sent = {"threshold": 7, "prefix_padding_ms": -3, "silence_duration_ms": 1, "idle_timeout_ms": 10**9}
    config = validate(Configs, {"llm": {**smallest("llm", "xai_realtime"), "turn_detection": sent}}).llm
    assert config is not None
    assert config.stored()["turn_detection"] == {
        "threshold": 1,
        "prefix_padding_ms": 0,
        "silence_duration_ms": 100,
        "idle_timeout_ms": 30000,
    }
    wrong = {**smallest("llm", "xai_realtime"), "turn_detection": {"threshold": "high"}}
    assert problems(llm=wrong) == ["llm.turn_detection.threshold"]


def test_members_of_a_sibling_provider_are_set_aside() -> None:
    config = validate(Configs, {"tts": {"provider": "xai", "voice_id": "ara", "model": "x", "stability": 3}}).tts
    assert config is not None
    assert config.ignored == ("model", "stability")
    assert config.stored() == {"provider": "xai", "voice_id": "ara"}


def test_expressive_elevenlabs_models_heed_two_members_only() -> None:
    sent = {"provider": "11labs", "voice_id": "v", "model": "eleven_v3", "stability": 0.4, "style": 0.1, "speed": 1.1}
    config = validate(Configs, {"tts": sent}).tts
    assert config is not None
    assert (config.provider, config.ignored) == ("elevenlabs", ("speed", "style"))


def test_provider_not_offered_says_so() -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        validate(Configs, {"tts": {"provider": "voicedock", "voice_id": "voicedock"}})
    assert refusal.value.details == ["tts.provider: not offered here"]


@pytest.mark.parametrize("value", [None, 5, [], "open-ai"])
def test_provider_must_be_a_known_name(value: Any) -> None:
    assert problems(llm={"provider": value, "model": "x"}) == ["llm.provider"]


@pytest.mark.parametrize(
    ("name", "model", "slots"),
    [
        ("local", "intents", ()),
        ("google_realtime", "gemini-live-2.5-flash-native-audio", ("google_vertex",)),
        ("google_realtime", "gemini-3.8-live", ("google",)),
        ("openai_live", "gpt-live-1", ("openai",)),
    ],
)
def test_key_a_model_needs_follows_the_model(name: str, model: str, slots: tuple[str, ...]) -> None:
    config = validate(Configs, {"llm": {"provider": name, "model": model}}).llm
    assert config is not None
    assert config.secret_slots == slots
    assert is_realtime(config) == (config.kind == "realtime")


def test_reasoning_is_switched_off_where_the_catalogue_says_so() -> None:
    efforts = {
        model: validate(Configs, {"llm": {"provider": "openai", "model": model}}).llm.reasoning_effort
        for model in ("gpt-5.4", "gpt-5.6-sol", "gpt-5", "gpt-4o")
    }
    assert efforts == {"gpt-5.4": "none", "gpt-5.6-sol": "none", "gpt-5": None, "gpt-4o": None}


TOOL = {"name": "book", "description": "Books"}


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({"type": "endCall"}, {"type": "end_call"}),
        ({"type": "dtmf"}, {"type": "dtmf"}),
        (TOOL, {**TOOL, "async": False}),
        ({**TOOL, "async_response": "Wait"}, {**TOOL, "async": False, "message": "Wait"}),
        ({"type": "function", "function": {"name": "book"}}, {"name": "book", "description": "", "async": False}),
        (
            {"type": "function", "function": TOOL, "async": True, "server": {"url": "https://example.com"}},
            {**TOOL, "async": True, "server": {"url": "https://example.com"}},
        ),
        (
            {"type": "mcp", "mcp_server_id": "9" * 8 + "-9999-4999-8999-" + "9" * 12, "allowed_tools": ["find"]},
            {
                "type": "mcp",
                "mcp_server_id": "9" * 8 + "-9999-4999-8999-" + "9" * 12,
                "allowed_tools": ["find"],
                "required": True,
            },
        ),
        (
            {
                "type": "transferCall",
                "destinations": [{"type": "number", "number": "+31850835037", "description": "Desk"}],
            },
            {
                "type": "transfer_call",
                "destinations": [{"type": "number", "number": "+31850835037", "description": "Desk"}],
            },
        ),
        (
            {**TOOL, "parameters": {"type": "object", "properties": {"day": {"enum": ["mon", None]}}, "default": None}},
            {
                **TOOL,
                "async": False,
                "parameters": {"type": "object", "properties": {"day": {"enum": ["mon", None]}}, "default": None},
            },
        ),
    ],
)
def test_every_form_of_a_tool_is_stored_in_one(sent: dict[str, Any], stored: dict[str, Any]) -> None:
    config = validate(Configs, {"llm": {**smallest("llm", "local"), "tools": [sent]}}).llm
    assert config is not None
    assert config.stored()["tools"] == [stored]
    again = validate(Configs, {"llm": config.stored()}).llm
    assert again is not None
    assert again.tools == config.tools


@pytest.mark.parametrize(
    ("tools", "path"),
    [
        ([{"name": "9a", "description": ""}], "llm.tools[0].name"),
        ([{"name": "a" * 65, "description": ""}], "llm.tools[0].name"),
        ([{"name": "a"}], "llm.tools[0].description"),
        ([TOOL, TOOL], "llm.tools"),
        ([{"type": "end_call"}, {"name": "end_call", "description": ""}], "llm.tools"),
        ([{"type": "transfer_call", "destinations": []}], "llm.tools[0].destinations"),
        ([{"type": "mcp", "mcp_server_id": "x", "allowed_tools": ["a"]}], "llm.tools[0].mcp_server_id"),
        ([{"type": "telepathy"}], "llm.tools[0]"),
        (["end_call"], "llm.tools[0]"),
        ([{**TOOL, "url": "http://169.254.169.254/"}], "llm.tools[0].url"),
        ([{**TOOL, "server": {"url": "ftp://example.com"}}], "llm.tools[0].server.url"),
        ([{**TOOL, "message": "a", "async_response": "b"}], "llm.tools[0]"),
        ([{**TOOL, "parameters": {"type": "array"}}], "llm.tools[0].parameters"),
        ([{**TOOL, "parameters": {"properties": {"a": {"type": "strnig"}}}}], "llm.tools[0].parameters"),
        ([{"type": "function", "function": {"name": "9a"}}], "llm.tools[0].function.name"),
        ([{"type": "function", "function": {}}], "llm.tools[0].function.name"),
        ([{"type": "function", "function": {**TOOL, "urll": "x"}}], "llm.tools[0].function.urll"),
        ([{"type": "function", "function": {**TOOL, "parameters": []}}], "llm.tools[0].function.parameters"),
        ([{"type": "function", "function": {"name": "a"}, "urll": "x"}], "llm.tools[0].urll"),
    ],
)
def test_bad_tool_is_named(tools: list[Any], path: str) -> None:
    assert problems(llm={**smallest("llm", "local"), "tools": tools}) == [path]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "strin"},
        {"properties": 5},
        {"pattern": "("},
        {"$ref": "https://example.com/schema.json"},
        {"$ref": "#/$defs/missing"},
        {"$ref": "#"},
    ],
)
def test_schema_that_cannot_be_used_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        check_schema(schema)


def test_deep_schema_is_refused_without_recursion() -> None:
    schema: dict[str, Any] = {}
    for _ in range(100_000):
        schema = {"not": schema}
    with pytest.raises(ValueError, match="levels"):
        check_object_schema(schema)
    assert depth_exceeds([[[]]], 2)
    assert not depth_exceeds([[[]]], 3)


@pytest.mark.parametrize(
    ("speech", "path"),
    [
        ({"turn_taking": {"endpointing_min_delay": 3, "endpointing_max_delay": 2}}, "speech.turn_taking"),
        ({"turn_taking": {"interruption_min_words": 11}}, "speech.turn_taking.interruption_min_words"),
        ({"pronunciation": [{"from": "", "to": "x"}]}, "speech.pronunciation[0].from"),
        ({"pronunciation": [{"from": "a", "to": "b"}] * 51}, "speech.pronunciation"),
        ({"background_audio": {"clip": "beach"}}, "speech.background_audio.clip"),
        ({"silence": {"messages": ["a"] * 6}}, "speech.silence.messages"),
        ({"silence": {"first_check_seconds": 61}}, "speech.silence.first_check_seconds"),
        ({"end_call_message": "x" * 301}, "speech.end_call_message"),
        ({"end_call_phrases": ["!a!"]}, "speech.end_call_phrases[0]"),
        ({"end_call_phrases": ["bye"] * 6}, "speech.end_call_phrases"),
        ({"volume": 1}, "speech.volume"),
    ],
)
def test_speech_bounds_hold(speech: dict[str, Any], path: str) -> None:
    assert problems(speech=speech) == [path]


def test_null_in_speech_keeps_its_meaning() -> None:
    config = validate(Configs, {"speech": {"turn_taking": {"false_interruption_timeout": None}}}).speech
    assert config is not None
    assert config.stored() == {"turn_taking": {"false_interruption_timeout": None}}
    assert config.turn_taking is not None
    assert (config.turn_taking.false_interruption_timeout, config.turn_taking.endpointing_min_delay) == (None, 0.4)


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    yield monkeypatch
    read_environment.cache_clear()


@pytest.mark.parametrize(("value", "llm"), [("local", "local"), ("cloud", "openai"), (None, "openai")])
def test_default_set_is_the_deployments(deployment: pytest.MonkeyPatch, value: str | None, llm: str) -> None:
    deployment.delenv("DEFAULT_PROVIDERS", raising=False)
    if value:
        deployment.setenv("DEFAULT_PROVIDERS", value)
    read_environment.cache_clear()
    chosen = default_configs()
    assert chosen["llm_config"]["provider"] == llm
    validate(Configs, {name.removesuffix("_config"): config for name, config in chosen.items()})


@pytest.mark.parametrize("name", list(LLM_CONFIGS))
def test_every_model_has_an_after_call_default(name: str) -> None:
    assert default_postcall_llm(name).provider in {"local", "openai", "xai", "mistral", "google"}


def test_every_language_has_a_regional_tag() -> None:
    assert all(bcp47(language) for language in LANGUAGES)
    assert (len(LANGUAGES), bcp47("no"), bcp47("zh")) == (28, ("nb-NO",), ("cmn-Hans-CN",))


def test_built_in_voices_are_what_the_local_provider_speaks() -> None:
    assert [voice.id for voice in BUILT_IN_VOICES] == ["heart"]
    for voice in BUILT_IN_VOICES:
        validate(Configs, {"tts": {"provider": "local", "voice_id": voice.id}})


def test_problem_lines_never_repeat_the_value() -> None:
    secret = "sk-live-0123456789"
    with pytest.raises(ValidationError) as refusal:
        Configs.model_validate({"llm": {"provider": "openai", "model": secret, "temperature": secret, "tools": secret}})
    assert secret not in " ".join(problems_of(refusal.value))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["provider", "model", "language", "voice_id", "tools", "messages", "temperature", "turn_detection", "type", "name"]
)
VALUES = JSON | st.sampled_from(["openai", "local", "xai_realtime", "elevenlabs", "gpt-5", "en", "heart", "end_call"])


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["llm", "stt", "tts", "speech", "x"]), st.dictionaries(NAMES, VALUES) | JSON))
def test_validation_raises_nothing_but_our_error(sent: dict[str, Any]) -> None:
    with suppress(InvalidRequestError):
        validate(Configs, sent)
