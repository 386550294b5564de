"""What a call measured, as metrics and spans."""

import asyncio
import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from media.conversation.figures import CallFigures
from media.conversation.settings import ConversationSettings
from media.telemetry import EndedCall, Telemetry, count_call
from sovereign.calls.model import CallOutcome, CallRef, EndReason
from tests.scenarios.conversation.world import World, play, says

QUESTION, ANSWER = "what are your hours", "We are open from nine to five."


def two_turns(telemetry: Telemetry) -> World:
    timeline = [says(3.0, QUESTION), says(9.0, "and on sunday")]
    settings = ConversationSettings(first_message="Hello.")
    return play(World(timeline=timeline, answers=[ANSWER], settings=settings, report=telemetry.report))


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def telemetry(exporter: InMemorySpanExporter) -> Telemetry:
    return Telemetry(None, node_id="node", processor=SimpleSpanProcessor(exporter))


def children(spans: tuple[ReadableSpan, ...], parent: ReadableSpan) -> list[ReadableSpan]:
    return [span for span in spans if span.parent and span.parent.span_id == parent.context.span_id]


def test_a_call_is_one_trace_of_its_turns_and_their_stages(
    telemetry: Telemetry, exporter: InMemorySpanExporter
) -> None:
    world = two_turns(telemetry)
    spans = exporter.get_finished_spans()
    (call,) = [span for span in spans if span.name == "call"]
    assert call.attributes is not None
    assert call.attributes["sovereign.call_id"] == "call-inbound-x"
    assert call.attributes["sovereign.end_reason"] == "user_hangup"
    turns = children(spans, call)
    assert [turn.name for turn in turns] == ["turn", "turn"]
    assert world.outcome.latency is not None
    for turn, figures in zip(turns, world.outcome.latency["turns"], strict=True):
        assert turn.start_time is not None
        assert turn.end_time is not None
        assert (turn.end_time - turn.start_time) / 1e6 == pytest.approx(figures["first_packet_ms"], abs=1)
        stages = children(spans, turn)
        assert stages[0].name == "end_of_turn"
        assert {stage.name for stage in stages} <= {"end_of_turn", "language_model", "voice", "playout"}
        for earlier, later in itertools.pairwise(stages):
            assert earlier.end_time == later.start_time


def test_the_span_of_a_call_says_what_was_used_and_what_it_cost(
    telemetry: Telemetry, exporter: InMemorySpanExporter
) -> None:
    world = two_turns(telemetry)
    (call,) = [span for span in exporter.get_finished_spans() if span.name == "call"]
    assert world.outcome.latency is not None
    assert call.attributes is not None
    used = {name: value for name, value in call.attributes.items() if name.count(".") == 2}
    assert used == {
        "sovereign.stt.audio_seconds": world.outcome.latency["usage"]["stt"]["audio_seconds"],
        "sovereign.stt.cost_usd": 0.0,
        "sovereign.llm.input_tokens": 20,
        "sovereign.llm.output_tokens": 10,
        "sovereign.llm.cost_usd": 0.002,
        "sovereign.tts.characters": world.outcome.latency["usage"]["tts"]["characters"],
        "sovereign.tts.cost_usd": 0.0,
    }
    assert call.attributes["sovereign.cost_usd"] == world.outcome.cost == 0.002


def test_the_span_of_a_call_has_no_cost_when_that_is_unknown(
    telemetry: Telemetry, exporter: InMemorySpanExporter
) -> None:
    unknown = CallOutcome(end_reason=EndReason.USER_HANGUP, cost=None, latency={"usage": {"llm": {"cost_usd": None}}})

    async def report() -> None:
        telemetry.report(EndedCall(CallRef("org", "call", 1), unknown, CallFigures(), 0.0))

    asyncio.run(report())
    (call,) = exporter.get_finished_spans()
    assert call.attributes is not None
    assert not [name for name in call.attributes if "cost" in name]


def test_spans_hold_nothing_that_was_said(telemetry: Telemetry, exporter: InMemorySpanExporter) -> None:
    two_turns(telemetry)
    everything = " ".join(span.to_json() for span in exporter.get_finished_spans())
    assert QUESTION not in everything
    assert "nine to five" not in everything


def emitted(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (line,) = [line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    fields: dict[str, Any] = json.loads(line)
    return fields


def test_a_call_is_counted_with_its_times(capsys: pytest.CaptureFixture[str]) -> None:
    world = two_turns(Telemetry(None, node_id="node"))
    fields = emitted(capsys)
    assert world.outcome.latency is not None
    assert fields["Conversations"] == [1.0]
    assert fields["Turns"] == [2.0]
    assert fields["FirstPacket"] == [turn["first_packet_ms"] for turn in world.outcome.latency["turns"]]
    used = world.outcome.latency["usage"]
    assert fields["SttSeconds"] == [used["stt"]["audio_seconds"]]
    assert used["stt"]["audio_seconds"] > 1
    assert (fields["LlmInputTokens"], fields["LlmOutputTokens"]) == ([20.0], [10.0])
    assert fields["TtsCharacters"] == [len("Hello.") + 2 * len(ANSWER)]
    assert (fields["LlmSeconds"], fields["TtsInputTokens"], fields["TtsOutputTokens"]) == ([0.0], [0.0], [0.0])
    metrics = fields["_aws"]["CloudWatchMetrics"][0]
    assert {"Name": "SttSeconds", "Unit": "Seconds"} in metrics["Metrics"]
    assert metrics["Namespace"] == "Sovereign"
    assert {"Name": "EndOfTurn", "Unit": "Milliseconds"} in metrics["Metrics"]


def test_a_price_nobody_knows_is_counted_and_not_zero(capsys: pytest.CaptureFixture[str]) -> None:
    world = two_turns(Telemetry(None, node_id="node"))
    assert emitted(capsys)["CostUsd"] == [world.outcome.cost]
    with_unknown_price = replace(world.outcome, cost=None)
    count_call(EndedCall(CallRef("org", "call", 1), with_unknown_price, CallFigures(), 0.0))
    fields = emitted(capsys)
    assert fields["UnknownCost"] == [1.0]
    assert "CostUsd" not in fields


def test_a_report_that_fails_changes_nothing_for_the_call() -> None:
    class Broken(SpanProcessor):
        def on_start(self, span: Span, parent_context: Context | None = None) -> None:
            raise RuntimeError("no span")

    world = two_turns(Telemetry(None, node_id="node", processor=Broken()))
    assert world.outcome.end_reason.value == "user_hangup"
    assert len(world.transcript) == 5
