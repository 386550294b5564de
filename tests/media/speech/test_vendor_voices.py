"""What every vendor's voice must do: one suite over all of them."""

import asyncio
from dataclasses import asdict
from typing import Any, cast

import numpy as np
import pytest
from aiohttp import web

from media.speech.interfaces import ProviderError, ProviderUsage
from media.speech.priced import PricedSynthesiser
from tests.fakes.openai import FakeOpenAI
from tests.fakes.server import GOOD_KEY, Trouble
from tests.media.speech.vendors import SENTENCE, VOICES, VoiceVendor


@pytest.fixture(params=VOICES, ids=str)
def vendor(request: pytest.FixtureRequest) -> VoiceVendor:
    return VOICES[request.param]


async def test_speech_is_whole_samples_at_its_rate(vendor: VoiceVendor) -> None:
    async with vendor.fake(None) as server:
        voice = vendor.open(server.url, GOOD_KEY)
        pieces = [piece async for piece in voice.stream(SENTENCE)]
        await voice.close()
    assert all(piece and len(piece) % 2 == 0 for piece in pieces)
    _assert_tone(b"".join(pieces), voice.sample_rate)


async def test_every_member_of_the_configuration_is_sent(vendor: VoiceVendor) -> None:
    members = set(vendor.config_type.model_fields) - {"provider", "model", "voice_id"}
    only_for_chirp, not_for_chirp = {"speaking_rate"}, {"instructions"}
    if vendor.config["provider"] == "google":
        members -= not_for_chirp if "model" in vendor.config else only_for_chirp
    assert set(vendor.full) == members
    async with vendor.fake(None) as server:
        voice = vendor.open(server.url, GOOD_KEY, **vendor.full)
        _ = [piece async for piece in voice.stream(SENTENCE)]
        await voice.close()
    assert server.requests == [vendor.sent]


@pytest.mark.parametrize(
    ("model", "sent"), [("eleven_multilingual_v2", None), ("eleven_flash_v2_5", "nl"), ("eleven_turbo_v2_5", "nl")]
)
async def test_elevenlabs_is_told_the_language_where_the_model_takes_it(model: str, sent: str | None) -> None:
    async with VOICES["elevenlabs"].fake(None) as server:
        voice = VOICES["elevenlabs"].open(server.url, GOOD_KEY, model=model, language="nl")
        assert [piece async for piece in voice.stream(SENTENCE)]
        await voice.close()
    assert server.requests[0].get("language_code") == sent


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/json"])
async def test_text_in_place_of_sound_is_not_played(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def welcome(_server: FakeOpenAI, _request: web.Request) -> web.Response:
        return web.Response(body=b'{"welcome": "to the service"}' * 9, headers={"Content-Type": kind})

    monkeypatch.setattr(FakeOpenAI, "_speak", welcome)
    async with FakeOpenAI() as server:
        voice = VOICES["openai"].open(server.url, GOOD_KEY)
        with pytest.raises(ProviderError, match="instead of sound"):
            _ = [piece async for piece in voice.stream(SENTENCE)]
        await voice.close()


async def test_a_sentence_after_the_other_is_spoken_and_counted(vendor: VoiceVendor) -> None:
    async with vendor.fake(None) as server:
        voice = vendor.open(server.url, GOOD_KEY)
        for _ in range(2):
            assert [piece async for piece in voice.stream(SENTENCE)]
        await voice.close()
    assert voice.usage.characters == 2 * len(SENTENCE)
    assert voice.usage.cost_usd is None


async def test_what_is_counted_has_the_price_of_the_list(vendor: VoiceVendor) -> None:
    if vendor.price is None:
        assert vendor.config["provider"] == "inworld"
        return
    async with vendor.fake(None) as server:
        voice = PricedSynthesiser(vendor.open(server.url, GOOD_KEY), vendor.price)
        spoken = sum([len(piece) async for piece in voice.stream(SENTENCE)])
        await voice.close()
    counted = {"characters": len(SENTENCE), "audio_seconds": round(spoken / 2 / voice.sample_rate, 3), **vendor.usage}
    expected = ProviderUsage(**cast("Any", counted))
    assert asdict(voice.usage) == asdict(expected) | {"cost_usd": vendor.price.cost(expected)}
    assert voice.usage.cost_usd


async def test_speech_starts_before_the_server_has_sent_it_all(vendor: VoiceVendor) -> None:
    async with vendor.fake(Trouble(between_delay=20)) as server:
        voice = vendor.open(server.url, GOOD_KEY)
        stream: Any = voice.stream("A rather long sentence, so that there is more than one piece of sound.")
        async with asyncio.timeout(5):
            assert await anext(stream)
        await stream.aclose()
        await voice.close()


async def test_a_voice_that_was_interrupted_speaks_the_next_sentence(vendor: VoiceVendor) -> None:
    async with vendor.fake(None) as server:
        voice = vendor.open(server.url, GOOD_KEY)
        stream: Any = voice.stream("A rather long sentence, so that there is more than one piece of sound.")
        assert await anext(stream)
        await stream.aclose()
        _assert_tone(b"".join([piece async for piece in voice.stream(SENTENCE)]), voice.sample_rate)
        await voice.close()


@pytest.mark.parametrize(
    ("garbled", "reason"),
    [(b'{"type": "error", "message": "overloaded"}', "reported an error"), (b"not json", "the connection broke")],
)
async def test_xai_that_fails_within_a_sentence_speaks_the_next(garbled: bytes, reason: str) -> None:
    async with VOICES["xai"].fake(Trouble(garbled=garbled)) as server:
        voice = VOICES["xai"].open(server.url, GOOD_KEY)
        with pytest.raises(ProviderError, match=reason) as raised:
            _ = [piece async for piece in voice.stream(SENTENCE)]
        assert raised.value.retryable
        server.trouble.garbled = None
        _assert_tone(b"".join([piece async for piece in voice.stream(SENTENCE)]), voice.sample_rate)
        await voice.close()


async def test_xai_that_closed_an_idle_connection_is_connected_to_again() -> None:
    async with VOICES["xai"].fake(None) as server:
        server.closes_after_speaking = True
        voice: Any = VOICES["xai"].open(server.url, GOOD_KEY)
        assert [piece async for piece in voice.stream(SENTENCE)]
        async with asyncio.timeout(5):
            await voice._idle.wait_closed()
        _assert_tone(b"".join([piece async for piece in voice.stream(SENTENCE)]), voice.sample_rate)
        await voice.close()


def _assert_tone(pcm: bytes, rate: int) -> None:
    """The stand-ins' 440 Hz: a lost byte or a wrong rate would move or drown it."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    assert len(samples) > rate // 2
    spectrum = np.abs(np.fft.rfft(samples))
    assert abs(spectrum.argmax() * rate / len(samples) - 440) < 3
    assert spectrum.max() > 0.5 * spectrum.sum() / 4
