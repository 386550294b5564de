"""What the vendor adapters send, and what they make of what they get."""

import asyncio

import numpy as np
import pytest

from media.speech.interfaces import (
    ChatFinished,
    ChatMessage,
    ProviderError,
    ProviderUsage,
    TextDelta,
    ToolCall,
    ToolSpec,
)
from media.speech.llm.openai import OpenAIChat
from media.speech.stt import deepgram
from media.speech.stt.deepgram import DeepgramRecogniser
from media.speech.tts.elevenlabs import ElevenLabsSpeech
from media.speech.tts.openai import OpenAISpeech
from sovereign.catalog.llm import OpenAiLlm
from sovereign.catalog.stt import DeepgramStt
from sovereign.catalog.tts import ElevenLabsTts, OpenAiTts
from tests.fakes.deepgram import FakeDeepgram
from tests.fakes.elevenlabs import FakeElevenLabs
from tests.fakes.openai import Answer, Chat, FakeOpenAI
from tests.fakes.server import GOOD_KEY, Trouble

BOOK = ToolSpec("book", "Book it", {"type": "object", "properties": {"day": {"type": "string"}}})


def _llm(**members: object) -> OpenAiLlm:
    return OpenAiLlm.model_validate({"provider": "openai", "model": "gpt-5.4", **members})


async def test_openai_text_streams_and_figures_come_last(question: list[ChatMessage]) -> None:
    async with FakeOpenAI() as server:
        model = OpenAIChat(_llm(), GOOD_KEY, server.base_url)
        events = [event async for event in model.stream(question, [])]
        await model.close()
    assert [e.text for e in events if isinstance(e, TextDelta)] == ["Hello", ", how can", " I help you?"]
    assert events[-1] == ChatFinished(ProviderUsage(input_tokens=20, output_tokens=5))


async def test_openai_request_carries_the_whole_conversation_and_the_configuration() -> None:
    call = ToolCall("c1", "book", {"day": "Tuesday"})
    messages = [
        ChatMessage("system", "Be kind."),
        ChatMessage("user", "Tuesday"),
        ChatMessage("assistant", "", (call,)),
        ChatMessage("tool", '{"ok": true}', tool_call_id="c1"),
    ]
    async with FakeOpenAI() as server:
        model = OpenAIChat(_llm(temperature=0.2, max_completion_tokens=64), GOOD_KEY, server.base_url)
        _ = [event async for event in model.stream(messages, [BOOK])]
        await model.close()
        sent = server.requests[0]
    assert sent["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Tuesday"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "book", "arguments": '{"day": "Tuesday"}'}}
            ],
        },
        {"role": "tool", "content": '{"ok": true}', "tool_call_id": "c1"},
    ]
    assert sent["tools"] == [
        {
            "type": "function",
            "function": {"name": "book", "description": "Book it", "parameters": dict(BOOK.parameters)},
        }
    ]
    assert sent["temperature"] == 0.2
    assert sent["max_completion_tokens"] == 64
    assert sent["reasoning_effort"] == "none"


async def test_openai_sends_no_reasoning_effort_to_models_without_it(question: list[ChatMessage]) -> None:
    async with FakeOpenAI() as server:
        model = OpenAIChat(_llm(model="gpt-4.1"), GOOD_KEY, server.base_url)
        _ = [event async for event in model.stream(question, [])]
        await model.close()
    assert not {"reasoning_effort", "tools", "max_completion_tokens"} & server.requests[0].keys()


async def test_openai_tool_calls_are_put_together_from_their_pieces(question: list[ChatMessage]) -> None:
    answer = Answer(
        text=["One moment."],
        tool_calls=[("c1", "book", '{"day": "Tuesday", "time": "3:30"}'), ("c2", "end_call", "")],
    )
    async with FakeOpenAI(chat=Chat([answer])) as server:
        model = OpenAIChat(_llm(), GOOD_KEY, server.base_url)
        events = [event async for event in model.stream(question, [BOOK])]
        await model.close()
    assert events[:3] == [
        TextDelta("One moment."),
        ToolCall("c1", "book", {"day": "Tuesday", "time": "3:30"}),
        ToolCall("c2", "end_call", {}),
    ]


async def test_openai_tool_call_with_broken_json_is_a_failure(question: list[ChatMessage]) -> None:
    async with FakeOpenAI(chat=Chat([Answer(tool_calls=[("c1", "book", '{"day": ')])])) as server:
        model = OpenAIChat(_llm(), GOOD_KEY, server.base_url)
        with pytest.raises(ProviderError, match="not valid JSON"):
            _ = [event async for event in model.stream(question, [BOOK])]
        await model.close()


async def test_openai_speech_is_whole_samples_at_its_rate() -> None:
    config = OpenAiTts.model_validate(
        {"provider": "openai", "voice_id": "coral", "speed": 1.25, "instructions": "Softly"}
    )
    async with FakeOpenAI() as server:
        voice = OpenAISpeech(config, GOOD_KEY, server.base_url)
        pieces = [piece async for piece in voice.stream("A sentence to say.")]
        await voice.close()
    assert all(len(piece) % 2 == 0 for piece in pieces)
    _assert_tone(b"".join(pieces), voice.sample_rate)
    assert voice.usage.characters == len("A sentence to say.")
    assert server.requests[0] == {
        "input": "A sentence to say.",
        "model": "gpt-4o-mini-tts",
        "voice": "coral",
        "response_format": "pcm",
        "speed": 1.25,
        "instructions": "Softly",
    }


async def test_elevenlabs_speech_is_whole_samples_at_its_rate() -> None:
    config = ElevenLabsTts.model_validate(
        {"provider": "elevenlabs", "voice_id": "v1", "stability": 0.4, "speed": 1.1, "language": "en"}
    )
    async with FakeElevenLabs() as server:
        voice = ElevenLabsSpeech(config, GOOD_KEY, server.url)
        pieces = [piece async for piece in voice.stream("A sentence to say.")]
        await voice.close()
    _assert_tone(b"".join(pieces), voice.sample_rate)
    sent = server.requests[0]
    assert sent["voice_id"] == "v1"
    assert sent["model_id"] == "eleven_flash_v2_5"
    assert sent["language_code"] == "en"
    assert {k: v for k, v in sent["voice_settings"].items() if v is not None} == {"stability": 0.4, "speed": 1.1}
    assert voice.usage == ProviderUsage(characters=len("A sentence to say."))


async def test_speech_starts_before_the_server_has_sent_it_all() -> None:
    config = ElevenLabsTts.model_validate({"provider": "elevenlabs", "voice_id": "v1"})
    async with FakeElevenLabs(Trouble(between_delay=20)) as server:
        voice = ElevenLabsSpeech(config, GOOD_KEY, server.url)
        stream = voice.stream("A rather long sentence, so that there is more than one piece of sound.")
        async with asyncio.timeout(5):
            assert await anext(stream)
        await stream.aclose()
        await voice.close()


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
    monkeypatch.setattr(deepgram, "_FINALISE_SECONDS", 0.1)
    async with FakeDeepgram(answers_finalize=False) as server:
        session = await DeepgramRecogniser(_stt(), GOOD_KEY, server.url).open(8000)
        await session.feed(bytes(8000))
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


def _assert_tone(pcm: bytes, rate: int) -> None:
    """The stand-ins' 440 Hz: a lost byte or a wrong rate would move or drown it."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    assert len(samples) > rate // 2
    spectrum = np.abs(np.fft.rfft(samples))
    assert abs(spectrum.argmax() * rate / len(samples) - 440) < 3
    assert spectrum.max() > 0.5 * spectrum.sum() / 4
