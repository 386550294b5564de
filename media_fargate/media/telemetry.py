"""What calls measured, as metrics (EMF) and as spans (OTLP): names, times and counts, never content or numbers."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aws_lambda_powertools import Logger
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Tracer, set_span_in_context

from media.conversation.figures import CallFigures, TurnFigures
from sovereign.calls.model import CallOutcome, CallRef
from sovereign.kernel.clock import Clock, utc_now
from sovereign.kernel.observe import measure

__all__ = ["EndedCall", "ReportCall", "Telemetry", "count_call"]

logger = Logger(child=True)


@dataclass(frozen=True)
class EndedCall:
    """A conversation that is over. `answered_at` and the turns' moments are on the event loop's clock, in seconds."""

    ref: CallRef
    outcome: CallOutcome
    figures: CallFigures
    answered_at: float


_COUNTED_USAGE = {
    "LlmInputTokens": ("llm", "input_tokens"),
    "LlmOutputTokens": ("llm", "output_tokens"),
    "TtsInputTokens": ("tts", "input_tokens"),
    "TtsOutputTokens": ("tts", "output_tokens"),
    "TtsCharacters": ("tts", "characters"),
}
_TIMED_USAGE = {
    "SttSeconds": ("stt", "audio_seconds"),
    "LlmSeconds": ("llm", "audio_seconds"),
    "TtsSeconds": ("tts", "audio_seconds"),
}

ReportCall = Callable[[EndedCall], None]


def count_call(ended: EndedCall) -> None:
    """The metrics of one conversation, as EMF. A price nobody knows is counted, never taken for 0."""
    figures, cost = ended.figures, ended.outcome.cost
    turns = [turn.as_milliseconds() for turn in figures.turns]
    milliseconds = {
        name: [value for turn in turns if (value := turn[member]) is not None]
        for name, member in (
            ("EndOfTurn", "end_of_turn_ms"),
            ("FirstToken", "first_token_ms"),
            ("FirstAudio", "first_audio_ms"),
            ("FirstPacket", "first_packet_ms"),
        )
    }
    counts = {
        "Conversations": 1.0,
        "Turns": float(len(turns)),
        "Interruptions": float(figures.interruptions),
        "FalseInterruptions": float(figures.false_interruptions),
        "ProviderRetries": float(figures.provider_retries),
        "UnknownCost": float(cost is None),
    }
    counts |= _quantities(ended, _COUNTED_USAGE)
    measure(milliseconds, {} if cost is None else {"CostUsd": cost}, counts, _quantities(ended, _TIMED_USAGE))


def _quantities(ended: EndedCall, wanted: Mapping[str, tuple[str, str]]) -> dict[str, float]:
    """What the providers were used for, by the metric's name; one the call had none of was not used."""
    used = _usage(ended)
    return {name: float(used.get(kind, {}).get(member) or 0) for name, (kind, member) in wanted.items()}


def _usage(ended: EndedCall) -> Mapping[str, Mapping[str, float | None]]:
    usage: Mapping[str, Mapping[str, float | None]] = (ended.outcome.latency or {}).get("usage", {})
    return usage


class Telemetry:
    """Reports the calls of one process; spans go to `endpoint` (an OTLP collector's base URL), None: nowhere.

    Sending happens in a thread of its own and is given up in silence: a collector that is away costs no call anything.
    """

    def __init__(self, endpoint: str | None, *, node_id: str, processor: SpanProcessor | None = None) -> None:
        self._provider: TracerProvider | None = None
        if endpoint is not None and processor is None:
            processor = BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=5))
        if processor is not None:
            resource = Resource.create({"service.name": "sovereign-media", "service.instance.id": node_id})
            self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
            self._provider.add_span_processor(processor)

    def report(self, ended: EndedCall) -> None:
        """Metrics and spans of a conversation that is over; never raises."""
        try:
            count_call(ended)
            if self._provider is not None:
                _Trace(self._provider.get_tracer("sovereign.media"), ended).write()
        except Exception:
            logger.exception("call_not_measured", call_id=ended.ref.call_id)

    def close(self) -> None:
        """Send what waits; takes seconds at most."""
        if self._provider is not None:
            self._provider.shutdown()


class _Trace:
    """One call as spans: `call`, in it a `turn` for each answered turn, in that its stages."""

    def __init__(self, tracer: Tracer, ended: EndedCall, clock: Clock = utc_now) -> None:
        self._tracer = tracer
        self._ended = ended
        self._offset = clock().timestamp() - asyncio.get_running_loop().time()

    def write(self) -> None:
        ended = self._ended
        attributes: dict[str, str | float] = {
            "sovereign.call_id": ended.ref.call_id,
            "sovereign.org_id": ended.ref.org_id,
            "sovereign.end_reason": ended.outcome.end_reason.value,
            "sovereign.interruptions": ended.figures.interruptions,
            "sovereign.provider_retries": ended.figures.provider_retries,
            "sovereign.false_interruptions": ended.figures.false_interruptions,
        }
        # what is unknown, or was not used, is no attribute: a cost that is missing is not 0
        attributes |= {
            f"sovereign.{kind}.{member}": value
            for kind, members in _usage(ended).items()
            for member, value in members.items()
            if value or (member == "cost_usd" and value is not None)
        }
        if ended.outcome.cost is not None:
            attributes["sovereign.cost_usd"] = ended.outcome.cost
        start = self._nanoseconds(ended.answered_at)
        call = self._tracer.start_span("call", kind=SpanKind.SERVER, attributes=attributes, start_time=start)
        for turn in ended.figures.turns:
            self._turn(call, turn)
        now = self._nanoseconds(asyncio.get_running_loop().time())
        ended_at = ended.outcome.ended_at
        call.end(now if ended_at is None else max(start, int(ended_at.timestamp() * 1e9)))

    def _turn(self, call: Span, turn: TurnFigures) -> None:
        last = turn.first_packet or turn.first_audio or turn.first_token or turn.decided
        span = self._span("turn", call, turn.speech_ended, last)
        self._span("end_of_turn", span, turn.speech_ended, turn.decided)
        # the model starts on a likely end, so its first token can come before the turn is decided
        if turn.first_token is not None and turn.first_token > turn.decided:
            self._span("language_model", span, turn.decided, turn.first_token)
        thought = max(turn.decided, turn.first_token or turn.decided)
        if turn.first_audio is not None and turn.first_audio > thought:
            self._span("voice", span, thought, turn.first_audio)
        spoken = max(thought, turn.first_audio or thought)
        if turn.first_packet is not None and turn.first_packet > spoken:
            self._span("playout", span, spoken, turn.first_packet)

    def _span(self, name: str, parent: Span, start: float, end: float) -> Span:
        context = set_span_in_context(parent)
        span = self._tracer.start_span(name, context=context, start_time=self._nanoseconds(start))
        span.end(self._nanoseconds(end))
        return span

    def _nanoseconds(self, moment: float) -> int:
        return int((moment + self._offset) * 1e9)
