"""What every vendor adapter must do when things go wrong: one suite over all of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import pytest

from media.speech import openai_api
from media.speech.interfaces import BadKeyError, ChatMessage, ProviderError, QuotaError
from media.speech.llm import openai as openai_chat
from media.speech.llm.openai import OpenAIChat
from media.speech.stt.deepgram import DeepgramRecogniser
from media.speech.tts import elevenlabs as elevenlabs_speech
from media.speech.tts import openai as openai_speech
from media.speech.tts.elevenlabs import ElevenLabsSpeech
from media.speech.tts.openai import OpenAISpeech
from sovereign.catalog.llm import OpenAiLlm
from sovereign.catalog.stt import DeepgramStt
from sovereign.catalog.tts import ElevenLabsTts, OpenAiTts
from tests.fakes.deepgram import FakeDeepgram
from tests.fakes.elevenlabs import FakeElevenLabs
from tests.fakes.openai import FakeOpenAI
from tests.fakes.server import BAD_KEY, GOOD_KEY, QUOTA_KEY, FakeServer, Trouble

Use = Callable[[str, str], AsyncIterator[Any]]
LLM = OpenAiLlm.model_validate({"provider": "openai", "model": "gpt-5.4"})
STT = DeepgramStt.model_validate({"provider": "deepgram", "model": "nova-3", "language": "en"})
OPENAI_VOICE = OpenAiTts.model_validate({"provider": "openai", "voice_id": "alloy"})
ELEVENLABS_VOICE = ElevenLabsTts.model_validate({"provider": "elevenlabs", "voice_id": "v1"})


async def _chat(url: str, key: str) -> AsyncIterator[Any]:
    model = OpenAIChat(LLM, key, f"{url}/v1")
    try:
        async with aclosing(model.stream([ChatMessage("user", "Hi")], [])) as events:
            async for event in events:
                yield event
    finally:
        await model.close()


async def _openai_voice(url: str, key: str) -> AsyncIterator[Any]:
    voice = OpenAISpeech(OPENAI_VOICE, key, f"{url}/v1")
    try:
        async with aclosing(voice.stream("One sentence to say.")) as audio:
            async for pcm in audio:
                yield pcm
    finally:
        await voice.close()


async def _elevenlabs_voice(url: str, key: str) -> AsyncIterator[Any]:
    voice = ElevenLabsSpeech(ELEVENLABS_VOICE, key, url)
    try:
        async with aclosing(voice.stream("One sentence to say.")) as audio:
            async for pcm in audio:
                yield pcm
    finally:
        await voice.close()


async def _deepgram(url: str, key: str) -> AsyncIterator[Any]:
    session = await DeepgramRecogniser(STT, key, url).open(8000)
    try:
        for _ in range(20):
            await session.feed(bytes(3200))
            await asyncio.sleep(0)
        async with aclosing(session.transcripts()) as transcripts:
            async for transcript in transcripts:
                yield transcript
                if transcript.final:
                    return
                await session.finalise()
    finally:
        await session.close()


@dataclass(frozen=True)
class Vendor:
    fake: Callable[[Trouble | None], FakeServer]
    use: Use


VENDORS = {
    "openai-chat": Vendor(FakeOpenAI, _chat),
    "openai-speech": Vendor(FakeOpenAI, _openai_voice),
    "elevenlabs-speech": Vendor(FakeElevenLabs, _elevenlabs_voice),
    "deepgram": Vendor(FakeDeepgram, _deepgram),
}


@pytest.fixture(params=VENDORS, ids=str)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    return VENDORS[request.param]


async def drain(vendor: Vendor, server: FakeServer, key: str = GOOD_KEY) -> list[Any]:
    return [piece async for piece in vendor.use(server.url, key)]


async def test_a_good_key_is_served(vendor: Vendor) -> None:
    async with vendor.fake(None) as server:
        assert await drain(vendor, server)


async def test_a_bad_key_is_named_as_such_and_not_told(vendor: Vendor) -> None:
    async with vendor.fake(None) as server:
        with pytest.raises(BadKeyError) as raised:
            await drain(vendor, server, BAD_KEY)
    assert not raised.value.retryable
    assert raised.value.status == 401
    assert BAD_KEY not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


async def test_an_exhausted_quota_is_told_from_a_bad_key(vendor: Vendor) -> None:
    async with vendor.fake(None) as server:
        with pytest.raises(QuotaError) as raised:
            await drain(vendor, server, QUOTA_KEY)
    assert not raised.value.retryable


async def test_a_server_error_may_be_tried_again(vendor: Vendor) -> None:
    async with vendor.fake(Trouble(status=503)) as server:
        with pytest.raises(ProviderError) as raised:
            await drain(vendor, server)
        assert not server.requests, "the adapter must not retry by itself"
    assert raised.value.retryable
    assert raised.value.status == 503


@pytest.mark.parametrize("pieces", [0, 2])
async def test_a_cut_connection_is_a_failure_that_may_be_tried_again(vendor: Vendor, pieces: int) -> None:
    async with vendor.fake(Trouble(drop_after=pieces)) as server:
        with pytest.raises(ProviderError) as raised:
            await drain(vendor, server)
    assert raised.value.retryable
    assert not isinstance(raised.value, BadKeyError | QuotaError)


async def test_a_server_that_is_not_there_is_a_failure_that_may_be_tried_again(vendor: Vendor) -> None:
    async with vendor.fake(None) as server:
        url = server.url
    with pytest.raises(ProviderError) as raised:
        [piece async for piece in vendor.use(url, GOOD_KEY)]
    assert raised.value.retryable


STREAMS = {name: vendor for name, vendor in VENDORS.items() if name != "deepgram"}


@pytest.mark.parametrize("name", STREAMS)
async def test_cancelling_the_iteration_cancels_the_request(name: str) -> None:
    vendor = STREAMS[name]
    async with vendor.fake(Trouble(between_delay=30)) as server:
        async with aclosing(vendor.use(server.url, GOOD_KEY)) as pieces:
            waiting = asyncio.ensure_future(_exhaust(pieces))
            await _until(lambda: server.open_connections == 1)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        await _until(lambda: server.open_connections == 0)


@pytest.mark.parametrize("name", STREAMS)
async def test_a_silent_server_is_given_up(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_api, "_SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(elevenlabs_speech, "_SILENCE_SECONDS", 0.2)
    vendor = STREAMS[name]
    async with vendor.fake(Trouble(first_delay=30)) as server:
        with pytest.raises(ProviderError, match="in time") as raised:
            await drain(vendor, server)
    assert raised.value.retryable


def test_every_adapter_names_its_provider_as_the_catalogue_does() -> None:
    assert {openai_chat.PROVIDER, openai_speech.PROVIDER} == {LLM.provider}
    assert ELEVENLABS_VOICE.provider == elevenlabs_speech.PROVIDER


async def _exhaust(pieces: AsyncIterator[Any]) -> None:
    async for _ in pieces:
        pass


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)
