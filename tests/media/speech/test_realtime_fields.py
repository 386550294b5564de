"""Every member of a speech-to-speech configuration reaches its vendor in the vendor's own place."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from media.speech.adapters import AdapterContext
from media.speech.interfaces import BadKeyError, ProviderError, ToolSpec
from media.speech.realtime import google, openai_live, xai
from media.speech.realtime.openai_socket import error_of
from media.speech.speech_to_speech import SpeechOpening
from sovereign.catalog.realtime import GoogleRealtime, OpenAiLive, XaiRealtime
from tests.fakes.gemini_live import VERTEX, FakeGeminiLive
from tests.fakes.openai_live import FakeOpenAiLive
from tests.fakes.server import GOOD_KEY
from tests.fakes.xai_realtime import FakeXaiRealtime
from tests.media.speech.realtime_vendors import service_account

OPENING = SpeechOpening("You are Anna.", [ToolSpec("lookup", "Looks up.")])


async def xai_session(**members: Any) -> tuple[dict[str, Any], FakeXaiRealtime]:
    config = XaiRealtime.model_validate({"provider": "xai_realtime", "model": "grok-voice-think-fast-2.0", **members})
    async with FakeXaiRealtime() as server:
        model = xai.open_adapter(config, AdapterContext(GOOD_KEY, f"{server.url}/v1", Path()))
        await (await model.open(8000, OPENING)).close()
        return server.received[0]["session"], server


async def test_xai_gets_every_member() -> None:
    session, server = await xai_session(
        voice="rex",
        speed=1.2,
        reasoning_effort="high",
        turn_detection={"threshold": 7, "prefix_padding_ms": 100, "silence_duration_ms": 1, "idle_timeout_ms": 9000},
        transcription={"language_hint": "nl", "keyterms": ["Acme"]},
        provider_tools=[
            {"type": "web_search"},
            {"type": "x_search", "allowed_x_handles": ["acme"]},
            {"type": "file_search", "vector_store_ids": ["v1"], "max_num_results": 3},
        ],
    )
    assert server.requests == [{"model": "grok-voice-think-fast-2.0"}]
    audio_format = {"type": "audio/pcm", "rate": 8000}
    transcription = {"model": "grok-transcribe", "language_hint": "nl", "keyterms": ["Acme"]}
    tools = session.pop("tools")
    assert session == {
        "instructions": "You are Anna.",
        "voice": "rex",
        "reasoning": {"effort": "high"},
        "turn_detection": {
            "type": "server_vad",
            "threshold": 1,
            "prefix_padding_ms": 100,
            "silence_duration_ms": 100,
            "idle_timeout_ms": 9000,
            "create_response": True,
            "interrupt_response": True,
        },
        "audio": {
            "input": {"format": audio_format, "transcription": transcription},
            "output": {"format": audio_format, "speed": 1.2},
        },
    }
    assert tools[:3] == [
        {"type": "web_search"},
        {"type": "x_search", "allowed_x_handles": ["acme"]},
        {"type": "file_search", "vector_store_ids": ["v1"], "max_num_results": 3},
    ]
    assert (tools[3]["type"], tools[3]["name"]) == ("function", "lookup")


async def test_xai_gets_the_catalogues_defaults_and_no_idle_timeout_of_zero() -> None:
    session, _ = await xai_session(turn_detection={"idle_timeout_ms": 0})
    assert session["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 200,
        "create_response": True,
        "interrupt_response": True,
    }
    assert (session["voice"], session["audio"]["output"]["speed"]) == ("ara", 1)
    assert "reasoning" not in session


async def test_openai_gets_voice_and_delegation() -> None:
    config = OpenAiLive.model_validate(
        {
            "provider": "openai_live",
            "model": "gpt-live-1",
            "voice": "stone",
            "delegation": {"instructions": "Be quick."},
        }
    )
    async with FakeOpenAiLive() as server:
        model = openai_live.open_adapter(config, AdapterContext(GOOD_KEY, f"{server.url}/v1", Path()))
        await (await model.open(8000, OPENING)).close()
        session = server.received[0]["session"]
    assert session["model"] == "gpt-live-1"
    assert session["audio"]["output"] == {"voice": "stone"}
    backend = session["delegation"]["responses"]
    assert (session["delegation"]["type"], backend["model"]) == ("responses", "gpt-5.6-luna")
    assert (session["instructions"], backend["instructions"]) == ("You are Anna.", "Be quick.")
    assert [tool["name"] for tool in backend["tools"]] == ["lookup"]


@pytest.mark.parametrize("model", ["gemini-3.8-live", "gemini-live-2.5-flash-native-audio"])
async def test_gemini_gets_every_member(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = GoogleRealtime.model_validate(
        {
            "provider": "google_realtime",
            "model": model,
            "voice": "Zephyr",
            "temperature": 0.3,
            "max_output_tokens": 500,
            "location": "europe-west1",
        }
    )
    vertex = "2.5" in model
    server = FakeGeminiLive()
    (tmp_path / "ca.pem").write_text(server.certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    async with server:
        key = service_account(GOOD_KEY) if vertex else GOOD_KEY
        adapter = google.open_adapter(config, AdapterContext(key, server.url, Path()))
        await (await adapter.open(8000, OPENING)).close()
        setup = server.received[0]["setup"]
    if vertex:
        place = "projects/p1/locations/europe-west1/publishers/google/models"
        assert (setup["model"], server.requests) == (f"{place}/{model}", [{"path": VERTEX}])
    else:
        assert setup["model"] == f"models/{model}"
    generation = setup["generationConfig"]
    assert (generation["temperature"], generation["maxOutputTokens"]) == (0.3, 500)
    assert generation["responseModalities"] == ["AUDIO"]
    assert "Zephyr" in json.dumps(generation["speechConfig"])
    assert setup["systemInstruction"]["parts"] == [{"text": "You are Anna."}]
    assert [tool["name"] for tool in setup["tools"][0]["functionDeclarations"]] == ["lookup"]
    assert "inputAudioTranscription" in setup
    assert "outputAudioTranscription" in setup


async def test_vertex_key_that_is_no_service_account_is_a_bad_key() -> None:
    config = GoogleRealtime.model_validate(
        {"provider": "google_realtime", "model": "gemini-live-2.5-flash-native-audio"}
    )
    for key in ("none", "[]", "{}"):
        with pytest.raises(BadKeyError, match="service account"):
            await google.open_adapter(config, AdapterContext(key, None, Path())).open(8000, OPENING)


async def test_customers_address_is_reached_through_the_guard_only() -> None:
    async with FakeOpenAiLive() as server:
        config = OpenAiLive.model_validate({"provider": "openai_live", "model": "gpt-live-1"})
        guarded = AdapterContext(GOOD_KEY, f"{server.url}/v1", Path(), guarded=True)
        with pytest.raises(ProviderError, match="cannot be reached"):
            await openai_live.open_adapter(config, guarded).open(8000, OPENING)
        assert server.headers == []


@pytest.mark.parametrize(
    ("code", "kind", "retryable"),
    [
        ("invalid_api_key", "BadKeyError", False),
        ("credit_balance_exhausted", "QuotaError", False),
        ("server_error", "ProviderError", True),
    ],
)
def test_error_events_that_end_a_conversation_are_told_apart(code: str, kind: str, retryable: bool) -> None:
    failure = error_of("openai", {"type": "x", "code": code, "message": "secret words"})
    assert failure is not None
    assert (type(failure).__name__, failure.retryable) == (kind, retryable)
    assert "secret" not in str(failure)


def test_error_event_that_refuses_one_request_does_not_end_the_conversation() -> None:
    assert error_of("openai", {"type": "invalid_request_error", "code": "unknown_parameter"}) is None


async def test_refused_configuration_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fakes.openai_live._SESSION", {"model"})
    async with FakeOpenAiLive() as server:
        config = OpenAiLive.model_validate({"provider": "openai_live", "model": "gpt-live-1"})
        model = openai_live.open_adapter(config, AdapterContext(GOOD_KEY, f"{server.url}/v1", Path()))
        with pytest.raises(ProviderError, match="refused the configuration") as raised:
            await model.open(8000, OPENING)
        assert not raised.value.retryable
        await asyncio.sleep(0.05)
        assert server.open_connections == 0
