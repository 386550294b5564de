"""Every member of a recogniser's configuration reaches its vendor, in the vendor's own words."""

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from media.speech.interfaces import BadKeyError, ProviderError, QuotaError, Recogniser
from media.speech.stt import elevenlabs as elevenlabs_adapter
from media.speech.stt import gladia as gladia_adapter
from media.speech.stt.google import GoogleRecogniser
from sovereign.catalog.languages import LANGUAGES, bcp47
from sovereign.catalog.stt import GoogleStt
from tests.fakes.gladia import FakeGladia
from tests.fakes.google_speech import FakeGoogleSpeech
from tests.fakes.recogniser import FakeRecogniser
from tests.fakes.scribe import FakeScribe
from tests.fakes.server import BAD_KEY, QUOTA_KEY, tone
from tests.fakes.voxtral import FakeVoxtral
from tests.media.speech.recognisers import elevenlabs, gladia, google, mistral, speech


async def _asked(server: FakeRecogniser, recogniser: Recogniser, rate: int = 8000) -> dict[str, Any]:
    """What the vendor was told when a stream was opened and used."""
    session = await recogniser.open(rate)
    await session.feed(speech(0.4, rate))
    await session.finalise()
    await session.close()
    return server.requests[-1]


async def test_elevenlabs_is_told_everything() -> None:
    async with FakeScribe() as server:
        asked = await _asked(
            server, elevenlabs(server.url, language="nl", tag_audio_events=False, include_timestamps=True)
        )
        assert asked == {
            "model_id": "scribe_v2_realtime", "audio_format": "pcm_8000", "commit_strategy": "manual",
            "language_code": "nl", "include_timestamps": "true", "tag_audio_events": "false",
        }  # fmt: skip
        plain = await _asked(server, elevenlabs(server.url, language="multi"), 16_000)
    assert plain == {
        "model_id": "scribe_v2_realtime", "audio_format": "pcm_16000", "commit_strategy": "manual",
        "include_timestamps": "false",
    }  # fmt: skip


async def test_elevenlabs_gets_the_rate_it_is_configured_for() -> None:
    async with FakeScribe() as server:
        session = await elevenlabs(server.url, sample_rate=16_000).open(8000)
        for _ in range(10):
            await session.feed(tone(0.1, 8000))
        assert await session.finalise() == "hello there"
        usage = session.usage
        await session.close()
    assert server.requests[0]["audio_format"] == "pcm_16000"
    assert server.audio_bytes == 2 * 16_000
    assert usage.audio_seconds == 1.0


@pytest.mark.parametrize(("key", "error"), [(BAD_KEY, BadKeyError), (QUOTA_KEY, QuotaError)])
async def test_elevenlabs_may_refuse_a_key_in_the_opened_stream(key: str, error: type[ProviderError]) -> None:
    async with FakeScribe() as server:
        server.admits_first = True
        with pytest.raises(error) as raised:
            await elevenlabs(server.url, key).open(8000)
    assert key not in str(raised.value)


async def test_elevenlabs_commits_little_audio_with_silence_behind_it() -> None:
    async with FakeScribe() as server:
        session = await elevenlabs(server.url).open(8000)
        await session.feed(speech(0.1))
        assert await session.finalise() == "hello there"
        await session.close()
    assert server.audio_bytes >= 0.3 * 16_000


@pytest.mark.parametrize(
    ("module", "fake", "make"), [(elevenlabs_adapter, FakeScribe, elevenlabs), (gladia_adapter, FakeGladia, gladia)]
)
async def test_silence_keeps_a_stream_open_while_no_audio_flows(
    module: object,
    fake: Callable[[], FakeRecogniser],
    make: Callable[[str], Recogniser],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_KEEP_ALIVE_SECONDS", 0.05)
    async with fake() as server:
        session = await make(server.url).open(8000)
        heard: list[object] = []
        async with asyncio.timeout(5):
            while not server.audio_bytes:
                heard.append(await session.finalise())
                await asyncio.sleep(0.01)
        assert session.usage.audio_seconds == 0
        await session.close()
    assert set(heard) == {""}


async def test_gladia_is_told_everything() -> None:
    async with FakeGladia() as server:
        asked = await _asked(
            server,
            gladia(
                server.url, languages=["nl", "en"], code_switching=True, region="us-west", endpointing=0.2,
                custom_vocabulary=["Riverside", "Jansen"], translation_enabled=True,
                translation_target_languages=["de"],
            ),
        )  # fmt: skip
    assert asked.pop("messages_config")["receive_partial_transcripts"] is True
    assert asked == {
        "region": "us-west",
        "encoding": "wav/pcm",
        "bit_depth": 16,
        "sample_rate": 8000,
        "channels": 1,
        "model": "solaria-1",
        "language_config": {"languages": ["nl", "en"], "code_switching": True},
        "endpointing": 0.2,
        "realtime_processing": {
            "custom_vocabulary": True,
            "custom_vocabulary_config": {"vocabulary": ["Riverside", "Jansen"]},
            "translation": True,
            "translation_config": {"target_languages": ["de"]},
        },
    }


@pytest.mark.parametrize(
    ("language", "sent"),
    [
        ("nl", {"languages": ["nl"], "code_switching": False}),
        ("multi", {"languages": [], "code_switching": True}),
    ],
)
async def test_gladia_is_told_the_language(language: str, sent: dict[str, Any]) -> None:
    async with FakeGladia() as server:
        asked = await _asked(server, gladia(server.url, language=language))
    assert asked["language_config"] == sent
    assert not {"region", "endpointing", "realtime_processing"} & asked.keys()


async def test_gladia_gets_a_rate_it_takes() -> None:
    async with FakeGladia() as server:
        asked = await _asked(server, gladia(server.url), 24_000)
    assert asked["sample_rate"] == 16_000
    assert abs(server.audio_bytes - (0.4 + 0.35) * 32_000) < 100


async def test_mistral_is_told_the_language_and_the_rate() -> None:
    async with FakeVoxtral() as server:
        named = await _asked(server, mistral(server.url, language="fr"))
        told = await _asked(server, mistral(server.url, language="multi"), 16_000)
    model = "voxtral-mini-transcribe-realtime-2602"
    assert named == {
        "model": model, "language": "fr", "audio_format": {"encoding": "pcm_s16le", "sample_rate": 8000}
    }  # fmt: skip
    assert told == {"model": model, "audio_format": {"encoding": "pcm_s16le", "sample_rate": 16_000}}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_google_is_told_the_tags_of_the_catalogue(language: str) -> None:
    async with FakeGoogleSpeech() as server:
        asked = await _asked(server, google(server.url, language=language), 16_000)
    assert asked == {
        "recognizer": "projects/demo-project/locations/eu/recognizers/_",
        "routing": "recognizer=projects/demo-project/locations/eu/recognizers/_",
        "model": "chirp_3",
        "language_codes": list(bcp47(language)),
        "sample_rate": 16_000,
        "encoding": "LINEAR16",
        "interim_results": True,
    }


async def test_google_takes_audio_of_any_size_in_messages_it_allows() -> None:
    async with FakeGoogleSpeech() as server:
        session = await google(server.url).open(16_000)
        await session.feed(speech(2.5, 16_000))
        assert await session.finalise() == "hello there"
        await session.close()
    assert server.audio_bytes == 2.5 * 32_000


@pytest.mark.parametrize("key", ["text", "[]", '{"project_id": "p"}', '{"project_id": "p", "private_key": "x"}'])
def test_google_without_a_service_account_is_a_bad_key(key: str) -> None:
    config = GoogleStt.model_validate({"provider": "google", "model": "chirp_3", "language": "en"})
    with pytest.raises(BadKeyError, match="not a service account's"):
        GoogleRecogniser(config, key)


async def test_a_resampled_tone_is_the_same_tone() -> None:
    heard = bytearray()

    class Keeping(FakeScribe):
        def interim(self, heard_bytes: int, size: int, rate: int) -> str:
            return ""

    async with Keeping() as server:
        session = await elevenlabs(server.url, sample_rate=16_000).open(8000)
        send = session._send_audio  # type: ignore[attr-defined]

        async def keep(pcm: bytes) -> None:
            heard.extend(pcm)
            await send(pcm)

        session._send_audio = keep  # type: ignore[attr-defined]
        await session.feed(tone(1.0, 8000))
        await session.finalise()
        await session.close()
    samples = np.frombuffer(bytes(heard), "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(samples))
    assert abs(spectrum.argmax() * 16_000 / len(samples) - 440) < 3
