"""The bodies of the four events. Pure: the same input gives the same bytes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sovereign.kernel.clock import to_wire
from sovereign.kernel.ids import Direction
from sovereign.webhooks.targets import WebhookEvent

_CALL_TYPES: Mapping[Direction, str] = {
    "inbound": "inbound_phone_call",
    "outbound": "outbound_phone_call",
    "web": "web_call",
}


@dataclass(frozen=True)
class CallDescription:
    """What every event says of its call. `assistant` is the effective assistant's public view, free of secrets."""

    call_id: str
    direction: Direction
    status: str
    pipeline: Literal["standard", "realtime"] = "standard"
    number_id: str | None = None
    phone_number: str | None = None
    number_name: str | None = None
    customer_number: str | None = None
    assistant: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class ToolCallRequest:
    """One tool call the model made; `arguments` is the object it filled in."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Report:
    """What the end-of-call report adds. Optional members that are None are left out of the body."""

    duration_seconds: int
    end_reason: str | None
    started_at: datetime | None
    ended_at: datetime | None
    summary: str
    messages: Sequence[Mapping[str, Any]]
    cost: float | None = None
    analysis: Any = None
    analysis_error: str | None = None
    recording_url: str | None = None
    transfer: Mapping[str, Any] | None = None


def assistant_request(call: CallDescription, at: datetime) -> bytes:
    """Asked before an inbound call is answered."""
    return _render(WebhookEvent.ASSISTANT_REQUEST, call, at, {})


def tool_calls(call: CallDescription, requests: Sequence[ToolCallRequest], at: datetime) -> bytes:
    """Asked when the model calls webhook tools."""
    listed = [
        {"id": r.id, "type": "function", "function": {"name": r.name, "arguments": dict(r.arguments)}} for r in requests
    ]
    return _render(WebhookEvent.TOOL_CALLS, call, at, {"tool_call_list": listed})


def status_update(
    call: CallDescription, at: datetime, *, error: str | None = None, end_reason: str | None = None
) -> bytes:
    """Told at every change of status: `error` when it ended with one, `end_reason` once it is over."""
    return _render(WebhookEvent.STATUS_UPDATE, call, at, _given({"error": error, "end_reason": end_reason}))


def end_of_call_report(call: CallDescription, report: Report, at: datetime) -> bytes:
    """Told once per call, after its summary and analysis."""
    members = {
        "duration_seconds": report.duration_seconds,
        "end_reason": report.end_reason,
        "started_at": _moment(report.started_at),
        "ended_at": _moment(report.ended_at),
        "summary": report.summary,
        "messages": [{"role": m["role"], "content": m["content"]} for m in report.messages],
        "cost": report.cost,
    }
    optional = {
        "analysis": report.analysis,
        "analysis_error": report.analysis_error,
        "recording_url": report.recording_url,
        "transfer": report.transfer,
    }
    return _render(WebhookEvent.END_OF_CALL_REPORT, call, at, members | _given(optional))


def _render(event: WebhookEvent, call: CallDescription, at: datetime, added: Mapping[str, Any]) -> bytes:
    message: dict[str, Any] = {
        "type": event.value,
        "timestamp": to_wire(at),
        "call": {
            "id": call.call_id,
            "type": _CALL_TYPES[call.direction],
            "status": call.status,
            "pipeline": call.pipeline,
        },
        "phone_number": {"id": call.number_id, "number": call.phone_number, "name": call.number_name},
        "customer": {"number": call.customer_number},
    }
    if call.assistant is not None:
        message["assistant"] = dict(call.assistant)
    body = {"message": {**message, **added}}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _given(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else to_wire(moment)
