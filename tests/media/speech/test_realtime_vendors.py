"""What every speech-to-speech adapter must do, against stand-ins that speak the vendors' wire protocols."""

import asyncio
import json
from typing import Any

import numpy as np
import pytest

from media.audio.levels import samples
from media.speech.interfaces import BadKeyError, ChatMessage, ProviderError, QuotaError, ToolSpec
from media.speech.speech_to_speech import (
    AgentAudio,
    AgentPaused,
    AgentTurnOver,
    AgentWords,
    CallerSpeaks,
    CallerWords,
    CallsWanted,
    SpeechOpening,
)
from tests.fakes.realtime import FakeRealtime, Reply
from tests.fakes.server import BAD_KEY, QUOTA_KEY, Trouble, tone
from tests.media.speech.realtime_vendors import LOOKUP, OPENING, Vendor, model_of, serve, talking, vendor

__all__ = ["serve", "vendor"]

LOUD = 8000


@pytest.mark.parametrize("rate", [8000, 16000])
async def test_caller_is_heard_and_answered_in_sound_and_text(vendor: Vendor, serve: Any, rate: int) -> None:
    async with serve(replies=[Reply("It is noon now.")], caller_says=["what time is it"]) as server:
        async with talking(vendor, server, rate=rate) as talk:
            await talk.say()
            await talk.until(AgentTurnOver)
            (connection,) = server.connections
            heard = samples(bytes(connection.hearing.audio))
            assert abs(len(heard) / connection.hearing.rate - 1.1) < 0.05
            # the tone's own pitch: the rate was told right
            spectrum = np.abs(np.fft.rfft(heard[: connection.hearing.rate // 2].astype(float)))
            assert abs(int(spectrum.argmax()) * 2 - 440) < 8
            audio = samples(b"".join(event.pcm for event in talk.of(AgentAudio)))
            assert len(audio) / talk.session.sample_rate >= 0.55
            assert np.abs(audio.astype(int)).max() > LOUD * 0.9
            assert "".join(event.text for event in talk.of(AgentWords)).split() == ["It", "is", "noon", "now."]
            assert (
                len({event.item for event in talk.of(AgentAudio)} | {event.item for event in talk.of(AgentPaused)}) == 1
            )
            said = " ".join(event.text for event in talk.of(CallerWords))
            assert "what time is it" in said
            assert talk.of(CallerWords)[-1].final
        assert server.open_connections == 0


async def test_callers_turn_comes_before_the_answer(vendor: Vendor, serve: Any) -> None:
    async with serve() as server, talking(vendor, server) as talk:
        await talk.say()
        await talk.until(AgentTurnOver)
        kinds = [type(event) for event in talk.told]
        assert kinds.index(CallerWords) < kinds.index(AgentAudio)


async def test_interruption_stops_the_answer(vendor: Vendor, serve: Any) -> None:
    long = Reply("A long answer " * 20)
    async with serve(Trouble(first_delay=0.4, between_delay=0.05), replies=[long, Reply("Sorry.")]) as server:  # noqa: SIM117 - too long
        async with talking(vendor, server) as talk:
            await talk.say()
            await talk.until(AgentAudio, 3)
            await talk.session.feed(tone(0.5, 8000))
            if vendor.confirms_interruptions:
                # once for each time the caller began, or only where something was interrupted
                before = len(talk.of(CallerSpeaks))
                await talk.until(CallerSpeaks, max(before, 1))
            await talk.session.feed(bytes(9600))
            async with asyncio.timeout(15):
                while not any("Sorry" in event.text for event in talk.of(AgentWords)):
                    await asyncio.sleep(0.01)
            await talk.until(AgentTurnOver)
            first, last = talk.of(AgentAudio)[0].item, talk.of(AgentAudio)[-1].item
            assert first != last
            length = sum(len(event.pcm) for event in talk.of(AgentAudio) if event.item == first)
            assert length / 2 / talk.session.sample_rate < len(long.text) * 0.04 - 1


async def test_tools_are_called_and_their_results_given_back_together(vendor: Vendor, serve: Any) -> None:
    replies = [Reply(calls=[("lookup", {"id": "7"}), ("lookup", {"id": "8"})]), Reply("Both are on their way.")]
    async with serve(replies=replies) as server, talking(vendor, server) as talk:
        await talk.say()
        wanted = await talk.until(CallsWanted)
        assert [(call.name, call.arguments) for call in wanted.calls] == [
            ("lookup", {"id": "7"}),
            ("lookup", {"id": "8"}),
        ]
        assert len({call.id for call in wanted.calls}) == 2
        await talk.session.give_results([(call, '{"status": "sent"}') for call in wanted.calls])
        await talk.until(AgentTurnOver)
        assert "".join(event.text for event in talk.of(AgentWords)) == "Both are on their way."
        sent = json.dumps(server.received)
        assert all(call.id in sent for call in wanted.calls)
        assert sent.count("status") >= 2


async def test_model_is_asked_to_speak_and_to_say_a_line(vendor: Vendor, serve: Any) -> None:
    async with serve(replies=[Reply("Good day.")]) as server, talking(vendor, server) as talk:
        await talk.session.respond()
        await talk.until(AgentTurnOver)
        await talk.session.speak("Hello, this is Anna.")
        await talk.until(AgentTurnOver, 2)
        texts: dict[str, str] = {}
        for event in talk.of(AgentWords):
            texts[event.item] = texts.get(event.item, "") + event.text
        assert list(texts.values()) == ["Good day.", "Hello, this is Anna."]


async def test_context_is_told_with_and_without_an_answer(vendor: Vendor, serve: Any) -> None:
    async with serve(replies=[Reply("Your taxi is there.")]) as server:
        async with talking(vendor, server) as talk:
            if model_of(vendor, server).abilities.context:
                await talk.session.inform("The caller is a VIP.", respond=False)
            await talk.session.inform("The taxi has come.", respond=True)
            await talk.until(AgentTurnOver)
        sent = json.dumps(server.received)
        assert "The taxi has come." in sent
        assert ("The caller is a VIP." in sent) == model_of(vendor, server).abilities.context


async def test_instructions_tools_and_what_was_said_before_are_sent(vendor: Vendor, serve: Any) -> None:
    history = [ChatMessage("user", "I am Eve"), ChatMessage("assistant", "Hello Eve")]
    opening = SpeechOpening("You are Anna.", [LOOKUP], history)
    async with serve() as server:
        async with talking(vendor, server, opening=opening) as talk:
            await talk.say()
            await talk.until(AgentTurnOver)
        sent = json.dumps(server.received)
        for text in ("You are Anna.", "Looks up an order.", "I am Eve", "Hello Eve"):
            assert text in sent
        assert sent.index("I am Eve") < sent.index("Hello Eve")


async def test_conversation_goes_on_under_other_instructions_and_tools(vendor: Vendor, serve: Any) -> None:
    """Over the same connection where the model takes them, else over another with what was said, and done, before."""
    other = ToolSpec("book", "Books a table.")
    said = [ChatMessage("user", "I am Eve"), ChatMessage("system", "The table is free.")]
    async with serve(replies=[Reply("Good day."), Reply("I am Bob.")]) as server:
        async with talking(vendor, server) as talk:
            await talk.say()
            await talk.until(AgentTurnOver)
            instructable = model_of(vendor, server).abilities.instructable
            if instructable:
                await talk.session.instruct("You are Bob.", [other])
                await talk.say()
                await talk.until(AgentTurnOver, 2)
        if not instructable:
            async with talking(vendor, server, opening=SpeechOpening("You are Bob.", [other], said)) as talk:
                await talk.say()
                await talk.until(AgentTurnOver)
        assert "".join(event.text for event in talk.of(AgentWords)).endswith("I am Bob.")
        assert len(server.connections) == (1 if instructable else 2)
        first, last = server.received[0], _last_setup(server)
        assert "You are Anna." in json.dumps(first)
        assert "You are Bob." in json.dumps(last)
        assert "Books a table." in json.dumps(last)
        assert "Looks up an order." not in json.dumps(last)
        assert set(_object(first)) - {"history_config", "historyConfig", "input"} == set(_object(last)) - {
            "history_config",
            "historyConfig",
            "input",
        }
        if not instructable:
            assert "The table is free." in json.dumps(server.received)


def _last_setup(server: FakeRealtime) -> Any:
    return [event for event in server.received if _object(event)][-1]


def _object(event: Any) -> Any:
    """The configuration of a session in a client's event, empty when it has none."""
    return event.get("setup") or event.get("session") or {}


async def test_usage_is_counted(vendor: Vendor, serve: Any) -> None:
    async with serve(replies=[Reply("It is noon now.", calls=[("lookup", {})])]) as server:  # noqa: SIM117 - too long
        async with talking(vendor, server) as talk:
            await talk.say()
            wanted = await talk.until(CallsWanted)
            await talk.session.give_results([(call, "{}") for call in wanted.calls])
            await talk.until(AgentTurnOver)
            usage = talk.session.usage
            assert usage.audio_seconds > 0.5
            assert (usage.input_tokens, usage.output_tokens) in {(100, 20), (200, 40)}
            assert usage.cost_usd is None


async def test_bad_key_is_named_as_such_and_not_told(vendor: Vendor, serve: Any) -> None:
    async with serve() as server:
        with pytest.raises(BadKeyError) as raised:
            async with talking(vendor, server, key=BAD_KEY) as talk:
                await talk.broken()
    assert not raised.value.retryable
    assert BAD_KEY not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


async def test_exhausted_quota_is_told_from_a_bad_key(vendor: Vendor, serve: Any) -> None:
    async with serve() as server:
        with pytest.raises(QuotaError):
            async with talking(vendor, server, key=QUOTA_KEY) as talk:
                await talk.broken()


async def test_server_error_may_be_tried_again(vendor: Vendor, serve: Any) -> None:
    async with serve(Trouble(status=503)) as server:
        with pytest.raises(ProviderError) as raised:
            async with talking(vendor, server):
                pass
    assert raised.value.retryable


async def test_server_that_is_not_there_may_be_tried_again(vendor: Vendor, serve: Any) -> None:
    async with serve() as server:
        model = model_of(vendor, server)
    with pytest.raises(ProviderError) as raised:
        await model.open(8000, OPENING)
    assert raised.value.retryable


async def test_dropped_connection_is_noticed_and_may_be_tried_again(vendor: Vendor, serve: Any) -> None:
    async with serve(
        Trouble(drop_after=2), replies=[Reply("A long answer " * 5), Reply("Here again.")], drops=1
    ) as server:
        async with talking(vendor, server) as talk:
            await talk.say()
            with pytest.raises(ProviderError) as raised:
                await talk.broken()
            assert raised.value.retryable
            assert 0 < len(talk.of(AgentAudio)) <= 2
        async with talking(vendor, server) as again:
            await again.say()
            await again.until(AgentTurnOver)
            assert "".join(event.text for event in again.of(AgentWords)) == "Here again."


async def test_closing_twice_is_harmless_and_leaves_no_connection(vendor: Vendor, serve: Any) -> None:
    async with serve() as server:
        session = await model_of(vendor, server).open(8000, OPENING)
        await session.close()
        await session.close()
        async with asyncio.timeout(5):
            while server.open_connections:
                await asyncio.sleep(0.01)
