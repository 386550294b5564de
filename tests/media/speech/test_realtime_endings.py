"""How the servers of speech-to-speech models end a conversation or announce it, and the figures they tell."""

from typing import Any

import pytest

from media.speech.interfaces import ProviderError, ProviderUsage, QuotaError
from media.speech.priced import priced
from media.speech.speech_to_speech import (
    AgentAudio,
    AgentTurnOver,
    AgentWords,
    CallsDropped,
    CallsWanted,
    SessionOverError,
)
from sovereign.catalog.prices import price_of
from tests.fakes.realtime import Reply
from tests.fakes.server import Trouble
from tests.media.speech.realtime_vendors import (
    GEMINI,
    OPENAI,
    VERTEX,
    XAI,
    Vendor,
    leaving_nothing,
    serve,
    talking,
    vendor,
)

__all__ = ["serve", "vendor"]

LONG = Reply("A long answer of many words.")
SLOWLY = Trouble(between_delay=0.1)
GO_AWAY = {"goAway": {"timeLeft": "5s"}}
"""Announces the end of a connection (ai.google.dev/api/live, GoAway)."""
ENDED = b"The session duration expired."


@pytest.mark.parametrize("code", [1000, 1001, 1007, 1008, 1011, 1013, 4000])
async def test_connection_closed_in_mid_answer_may_be_tried_again(vendor: Vendor, serve: Any, code: int) -> None:
    """Gemini closes with 1008 when a session has lasted its time (github.com/pollen-robotics/
    reachy_mini_conversation_app, issue 357), or with 1011 (discuss.ai.google.dev, 186392)."""
    async with serve(SLOWLY, replies=[LONG]) as server, leaving_nothing(server), talking(vendor, server) as talk:
        await talk.session.respond()
        await talk.until(AgentAudio)
        await server.connections[0].socket.close(code=code, message=ENDED)
        with pytest.raises(ProviderError) as raised:
            await talk.broken()
        assert raised.value.retryable
        assert not isinstance(raised.value, SessionOverError)


@pytest.mark.parametrize("vendor", ["xai", "openai-live"], indirect=True)
@pytest.mark.parametrize(
    ("error", "kind", "retryable"),
    [
        ({"type": "server_error", "code": None, "message": "secret words"}, ProviderError, True),
        ({"type": "rate_limit_exceeded", "code": "rate_limit_exceeded", "message": "secret words"}, QuotaError, False),
    ],
)
async def test_error_in_mid_answer_ends_the_connection(
    vendor: Vendor, serve: Any, error: Any, kind: type[ProviderError], retryable: bool
) -> None:
    async with serve(SLOWLY, replies=[LONG]) as server, leaving_nothing(server), talking(vendor, server) as talk:
        await talk.session.respond()
        await talk.until(AgentAudio)
        await server.connections[0].say({"type": "error", "error": error})
        with pytest.raises(kind) as raised:
            await talk.broken()
        assert raised.value.retryable is retryable
        assert "secret" not in str(raised.value)


@pytest.mark.parametrize("vendor", ["xai", "openai-live"], indirect=True)
@pytest.mark.parametrize("code", ["session_expired", "response_cancel_not_active"])
async def test_refused_request_in_mid_answer_does_not_end_it(vendor: Vendor, serve: Any, code: str) -> None:
    """A session that has expired is closed after that error, which is what ends it."""
    async with serve(SLOWLY, replies=[LONG]) as server, talking(vendor, server) as talk:
        await talk.session.respond()
        await talk.until(AgentAudio)
        await server.connections[0].say({"type": "error", "error": {"type": "invalid_request_error", "code": code}})
        await talk.until(AgentTurnOver)
        assert "".join(event.text for event in talk.of(AgentWords)) == LONG.text


@pytest.mark.parametrize("vendor", ["openai-live"], indirect=True)
@pytest.mark.parametrize(
    ("reason", "retryable"),
    [("expired", True), ("connection_lost", True), ("remote_hangup", True), ("content", False), (None, True)],
)
async def test_closed_live_session_tells_its_figures_and_whether_another_helps(
    vendor: Vendor, serve: Any, reason: str | None, retryable: bool
) -> None:
    async with serve(replies=[LONG]) as server, leaving_nothing(server), talking(vendor, server) as talk:
        await server.connections[0].say({"type": "session.usage.updated", "usage": {"seconds": 3.5}})
        await server.connections[0].say({"type": "session.usage.updated", "usage": {"seconds": 5.0}})
        await server.connections[0].say({"type": "session.closed", "reason": reason, "usage": {"seconds": 6.25}})
        with pytest.raises(ProviderError) as raised:
            await talk.broken()
        assert raised.value.retryable is retryable
        assert isinstance(raised.value, SessionOverError) is (reason == "expired")
        assert talk.session.usage.audio_seconds == 6.25


# Gemini


@pytest.mark.parametrize("vendor", ["gemini", "vertex"], indirect=True)
async def test_announced_end_lets_the_answer_be_finished(vendor: Vendor, serve: Any) -> None:
    async with serve(SLOWLY, replies=[LONG]) as server, leaving_nothing(server), talking(vendor, server) as talk:
        await talk.session.respond()
        await talk.until(AgentAudio)
        await server.connections[0].say(GO_AWAY)
        with pytest.raises(SessionOverError):
            await talk.broken()
        assert "".join(event.text for event in talk.of(AgentWords)) == LONG.text
        assert len(talk.of(AgentTurnOver)) == 1


@pytest.mark.parametrize("vendor", ["gemini", "vertex"], indirect=True)
async def test_announced_end_between_two_answers_comes_at_once(vendor: Vendor, serve: Any) -> None:
    async with serve() as server, leaving_nothing(server), talking(vendor, server) as talk:
        await server.connections[0].say(GO_AWAY)
        with pytest.raises(SessionOverError):
            await talk.broken(2.0)


@pytest.mark.parametrize("vendor", ["gemini", "vertex"], indirect=True)
@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [(1008, ENDED, SessionOverError), (1011, b"You exceeded your current quota.", QuotaError)],
)
async def test_connection_closed_after_it_was_announced_has_not_failed(
    vendor: Vendor, serve: Any, code: int, message: bytes, kind: type[ProviderError]
) -> None:
    async with serve(SLOWLY, replies=[LONG]) as server, leaving_nothing(server), talking(vendor, server) as talk:
        await talk.session.respond()
        await talk.until(AgentAudio)
        await server.connections[0].say(GO_AWAY)
        await server.connections[0].socket.close(code=code, message=message)
        with pytest.raises(kind):
            await talk.broken()


@pytest.mark.parametrize("vendor", ["gemini", "vertex"], indirect=True)
async def test_handle_of_a_session_nobody_resumes_is_passed_over(vendor: Vendor, serve: Any) -> None:
    async with serve(SLOWLY, replies=[LONG]) as server, talking(vendor, server) as talk:
        await talk.session.respond()
        await talk.until(AgentAudio)
        await server.connections[0].say({"sessionResumptionUpdate": {"newHandle": "h1", "resumable": True}})
        await talk.until(AgentTurnOver)
        assert "".join(event.text for event in talk.of(AgentWords)) == LONG.text


@pytest.mark.parametrize("ignores", [frozenset(), frozenset({"transcript"})], ids=["heard", "not transcribed"])
@pytest.mark.parametrize("vendor", ["gemini", "vertex"], indirect=True)
async def test_text_that_comes_after_its_turn_begins_no_other(
    vendor: Vendor, serve: Any, ignores: frozenset[str]
) -> None:
    """It is independent of the other messages (ai.google.dev/api/live, BidiGenerateContentTranscription), as the
    caller's own is, which may come later still."""
    async with serve(replies=[LONG, Reply("Yes.")], ignores=ignores) as server, talking(vendor, server) as talk:
        await talk.session.respond()
        await talk.until(AgentTurnOver)
        await server.connections[0].say({"serverContent": {"outputTranscription": {"text": " late words"}}})
        await talk.say()
        await talk.until(AgentTurnOver, 2)
        assert "".join(event.text for event in talk.of(AgentWords)) == f"{LONG.text}Yes."
        assert {event.item for event in talk.of(AgentWords)} == {event.item for event in talk.of(AgentAudio)}


@pytest.mark.parametrize("vendor", ["gemini", "vertex"], indirect=True)
async def test_text_that_comes_before_its_sound_belongs_to_it(vendor: Vendor, serve: Any) -> None:
    async with serve(replies=[LONG]) as server, talking(vendor, server) as talk:
        await server.connections[0].say({"serverContent": {"outputTranscription": {"text": "Early: "}}})
        await talk.session.respond()
        await talk.until(AgentTurnOver)
        assert "".join(event.text for event in talk.of(AgentWords)) == f"Early: {LONG.text}"


@pytest.mark.parametrize("vendor", ["gemini", "vertex"], indirect=True)
async def test_text_that_comes_before_its_sound_and_the_callers_own_text_belongs_to_it(
    vendor: Vendor, serve: Any
) -> None:
    async with serve(replies=[LONG]) as server, talking(vendor, server) as talk:
        await server.connections[0].say({"serverContent": {"outputTranscription": {"text": "Early: "}}})
        await server.connections[0].say({"serverContent": {"inputTranscription": {"text": "hello"}}})
        await talk.session.respond()
        await talk.until(AgentTurnOver)
        assert "".join(event.text for event in talk.of(AgentWords)) == f"Early: {LONG.text}"


@pytest.mark.parametrize("vendor", ["gemini", "vertex"], indirect=True)
async def test_dropped_calls_are_told_and_the_conversation_goes_on(vendor: Vendor, serve: Any) -> None:
    async with serve(replies=[Reply(calls=[("lookup", {})]), LONG]) as server, talking(vendor, server) as talk:
        await talk.session.respond()
        (call,) = (await talk.until(CallsWanted)).calls
        await server.connections[0].say({"toolCallCancellation": {"ids": [call.id]}})
        assert (await talk.until(CallsDropped)).ids == [call.id]
        await talk.say()
        await talk.until(AgentTurnOver)
        assert "".join(event.text for event in talk.of(AgentWords)) == LONG.text


# figures


async def test_figures_told_in_several_messages_are_each_counted_once(vendor: Vendor, serve: Any) -> None:
    async with serve() as server, talking(vendor, server) as talk:
        await server.connections[0].say(vendor.wire.details)
        await server.connections[0].say(vendor.wire.details)
        await talk.counted(vendor.wire.used_twice.input_tokens)
        assert talk.session.usage == vendor.wire.used_twice


@pytest.mark.parametrize("config", [XAI, OPENAI, GEMINI], ids=lambda config: config.provider)
def test_cost_is_unknown_where_the_price_is(config: Any) -> None:
    price = price_of("llm", config.provider, config.model)
    assert priced(ProviderUsage(input_tokens=100, output_tokens=20), price).cost_usd is None


@pytest.mark.parametrize("vendor", ["vertex"], indirect=True)
async def test_cost_tells_sound_from_text(vendor: Vendor, serve: Any) -> None:
    price = price_of("llm", VERTEX.provider, VERTEX.model)
    assert price is not None
    async with serve() as server, talking(vendor, server) as talk:
        await server.connections[0].say(vendor.wire.details)
        await server.connections[0].say(vendor.wire.details)
        await talk.counted(vendor.wire.used_twice.input_tokens)
        # 120 of 214 tokens read and 30 of 50 written were sound
        expected = (94 * 0.50 + 120 * 3.00 + 20 * 2.00 + 30 * 12.00) / 1e6
        assert priced(talk.session.usage, price).cost_usd == pytest.approx(expected)
