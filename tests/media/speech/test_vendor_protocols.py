"""What the recognisers send, and what they make of what they get. Models and voices are in the suites beside this."""

import asyncio

import pytest

from media.speech.interfaces import ProviderError, ProviderUsage
from media.speech.stt import deepgram, stream
from media.speech.stt.deepgram import DeepgramRecogniser
from sovereign.catalog.stt import DeepgramStt
from tests.fakes.deepgram import FakeDeepgram
from tests.fakes.server import GOOD_KEY


async def test_deepgram_connects_with_the_configuration() -> None:
    config = DeepgramStt.model_validate(
        {
            "provider": "deepgram", "model": "nova-3", "language": "multi", "keyterms": ["Riverside", "Jansen"],
            "smart_format": True, "numerals": False, "endpointing": 300, "utterance_end_ms": 1200,
            "filler_words": True, "no_delay": True,
        }
    )  # fmt: skip
    async with FakeDeepgram() as server:
        session = await DeepgramRecogniser(config, GOOD_KEY, server.url).open(16_000)
        await session.close()
    assert server.requests == [
        {
            "model": "nova-3", "language": "multi", "encoding": "linear16", "sample_rate": "16000", "channels": "1",
            "interim_results": "true", "keyterm": ["Riverside", "Jansen"], "smart_format": "true",
            "numerals": "false", "endpointing": "300", "utterance_end_ms": "1200", "filler_words": "true",
            "no_delay": "true",
        }
    ]  # fmt: skip


def _stt() -> DeepgramStt:
    return DeepgramStt.model_validate({"provider": "deepgram", "model": "nova-3", "language": "en"})


async def test_deepgram_finalise_returns_each_utterance_once() -> None:
    async with FakeDeepgram(utterances=["what are your hours", "thank you"]) as server:
        session = await DeepgramRecogniser(_stt(), GOOD_KEY, server.url).open(8000)
        await session.feed(bytes(16_000))
        first = await session.finalise()
        await session.feed(bytes(8000))
        second = await session.finalise()
        usage = session.usage
        await session.close()
        await session.close()
        transcripts = [t async for t in session.transcripts()]
    assert (first, second) == ("what are your hours", "thank you")
    assert usage == ProviderUsage(audio_seconds=1.5)
    assert [t.text for t in transcripts if t.final] == ["what are your hours", "thank you"]
    assert any(not t.final for t in transcripts)
    assert server.messages[-1] == "CloseStream"


async def test_deepgram_finalise_without_new_audio_asks_nothing() -> None:
    async with FakeDeepgram() as server:
        session = await DeepgramRecogniser(_stt(), GOOD_KEY, server.url).open(8000)
        assert await session.finalise() == ""
        await session.feed(bytes(8000))
        assert await session.finalise() == "hello there"
        assert await session.finalise() == ""
        await session.close()
    assert server.messages.count("Finalize") == 1


async def test_deepgram_finalise_without_an_answer_does_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_QUIET_SECONDS", 0.1)
    async with FakeDeepgram(answers_end=False) as server:
        session = await DeepgramRecogniser(_stt(), GOOD_KEY, server.url).open(8000)
        await session.feed(bytes(4000))
        async with asyncio.timeout(2):
            assert await session.finalise() == ""
        await session.close()


async def test_deepgram_stream_is_kept_alive_while_no_audio_flows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deepgram, "_KEEP_ALIVE_SECONDS", 0.05)
    async with FakeDeepgram() as server:
        session = await DeepgramRecogniser(_stt(), GOOD_KEY, server.url).open(8000)
        async with asyncio.timeout(5):
            while "KeepAlive" not in server.messages:
                await asyncio.sleep(0.01)
        await session.close()


async def test_deepgram_closed_stream_takes_no_audio() -> None:
    async with FakeDeepgram() as server:
        session = await DeepgramRecogniser(_stt(), GOOD_KEY, server.url).open(8000)
        await session.close()
        with pytest.raises(ProviderError, match="closed"):
            await session.feed(bytes(320))
