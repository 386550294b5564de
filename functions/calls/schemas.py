"""Calls on the wire."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from sovereign.calls.model import Call
from sovereign.calls.outbound import OutboundOrder
from sovereign.http import RequestModel
from sovereign.kernel.clock import to_wire
from sovereign.kernel.masking import masked
from sovereign.kernel.phone import check_e164
from sovereign.notifications import notification_view
from sovereign.recordings.links import RecordingLinks

__all__ = ["CONTROL_COMMANDS", "ControlCommand", "OutboundRequest", "call_view"]


class OutboundRequest(RequestModel):
    """`POST /calls/outbound`: exactly one of `assistant_id` (with an override or without) and `assistant`."""

    destination: Annotated[str, Field(min_length=1, max_length=32)]
    number_id: str | None = None
    assistant_id: str | None = None
    assistant_override: dict[str, Any] | None = None
    assistant: dict[str, Any] | None = None
    first_message: str | None = None
    metadata: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _has_one_mode(self) -> "OutboundRequest":
        if (self.assistant_id is None) == (self.assistant is None):
            raise ValueError("needs exactly one of assistant_id and assistant")
        if self.assistant_override is not None and self.assistant_id is None:
            raise ValueError("assistant_override needs assistant_id")
        return self

    def order(self) -> OutboundOrder:
        """What is to be done."""
        return OutboundOrder(**{name: getattr(self, name) for name in OutboundRequest.model_fields})


def _dialable(target: str) -> str:
    if target.lower().startswith(("sip:", "sips:")):
        return target
    return check_e164(target)


Said = Annotated[str, Field(min_length=1, max_length=4000)]
"""Text to speak: about five minutes of it."""
Line = Annotated[str, Field(min_length=1, max_length=1000)]


class _Command(RequestModel):
    type: str


class InjectContext(_Command):
    """Add to what the model knows; `trigger_response` makes it speak at once."""

    type: Literal["inject-context"]
    content: Annotated[str, Field(min_length=1, max_length=10_000)]
    trigger_response: bool = False


class Say(_Command):
    """Speak this, then end the call if `end_after`."""

    type: Literal["say"]
    content: Said
    end_after: bool = False


class EndCall(_Command):
    """End the call, after speaking `message` if there is one."""

    type: Literal["end-call"]
    message: Line | None = None


class Transfer(_Command):
    """Transfer to a phone number or a SIP URI, after speaking `message` if there is one."""

    type: Literal["transfer"]
    destination: Annotated[str, Field(max_length=512), AfterValidator(_dialable)]
    message: Line | None = None


class SendDtmf(_Command):
    """Send tones."""

    type: Literal["send-dtmf"]
    digits: Annotated[str, Field(pattern=r"^[0-9*#A-D]{1,32}$")]


ControlCommand = InjectContext | Say | EndCall | Transfer | SendDtmf

CONTROL_COMMANDS: dict[str, type[ControlCommand]] = {
    "inject-context": InjectContext,
    "say": Say,
    "end-call": EndCall,
    "transfer": Transfer,
    "send-dtmf": SendDtmf,
}


def call_view(call: Call, links: RecordingLinks) -> dict[str, Any]:
    """A call as clients see it, with both spellings of the assistant's members."""
    return {
        "id": call.ref.call_id,
        "caller_phone": call.caller_phone,
        "assistant_phone": call.assistant_phone,
        "status": call.status.value,
        "direction": call.direction,
        "end_reason": call.end_reason.value if call.end_reason else None,
        "error": call.error,
        "started_at": to_wire(call.started_at) if call.started_at else None,
        "ended_at": to_wire(call.ended_at) if call.ended_at else None,
        "duration_seconds": call.duration_seconds,
        "summary": call.summary,
        "analysis_result": call.analysis_result,
        "messages": None if call.messages is None else [message._asdict() for message in call.messages],
        "room_name": None,
        "recording_url": links.url(call),
        "agent_id": call.agent_id,
        "assistant_id": call.agent_id,
        "number_id": call.number_id,
        "agent_name": call.agent_name,
        "assistant_name": call.agent_name,
        "business_name": call.business_name,
        "phone_number": call.assistant_phone,
        "created_at": to_wire(call.created_at),
        "updated_at": to_wire(call.updated_at),
        "metadata": masked(call.metadata),  # rows made before they were masked in the table
        "cost": call.cost,
        "latency": call.latency,
        "notification": notification_view(call.notification),
    }
