"""What the call routes answer."""

from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

from functions.calls.schemas import ControlCommand
from sovereign.assistants.settings import CallMembers, Line
from sovereign.calls.model import CallStatus, Direction, EndReason
from sovereign.http.contract.operation import JsonObject, Moment, Operation, Operations, Pagination, envelope
from sovereign.notifications import NotificationReason, NotificationStatus


class Message(TypedDict):
    """One entry of the transcript."""

    role: Literal["user", "assistant", "tool", "system"]
    content: str


class Notification(TypedDict):
    """What became of the mail about the call; `sent` means that Resend took it, under `email_id`."""

    status: NotificationStatus
    reason: NotificationReason | None
    attempts: int
    next_attempt_at: Moment | None
    sent_at: Moment | None
    email_id: str | None


class Call(TypedDict):
    """A call; content is null until it is written, and where the assistant keeps none."""

    id: str
    caller_phone: str | None
    assistant_phone: str | None
    status: CallStatus
    direction: Direction
    end_reason: EndReason | None
    error: str | None
    started_at: Moment | None
    ended_at: Moment | None
    duration_seconds: int | None
    summary: str | None
    analysis_result: Any
    messages: list[Message] | None
    room_name: str | None
    recording_url: str | None
    agent_id: str | None
    assistant_id: str | None
    number_id: str | None
    agent_name: str | None
    assistant_name: str | None
    business_name: str | None
    phone_number: str | None
    created_at: Moment
    updated_at: Moment
    metadata: dict[str, Any] | None
    cost: float | None
    latency: dict[str, Any] | None
    notification: Notification | None


class Dialled(TypedDict):
    """A media node has taken the call and dials."""

    success: Literal[True]
    call_id: str
    status: Literal["dialing"]


class Sent(TypedDict):
    """The media node did what was asked."""

    success: Literal[True]
    message: str


_CALL: JsonObject = {
    "id": "call-inbound-k3v9x2m7q1zd",
    "caller_phone": "+12025550143",
    "assistant_phone": "+12025550142",
    "status": "ended",
    "direction": "inbound",
    "end_reason": "user_hangup",
    "error": None,
    "started_at": "2026-11-23T09:30:02.110Z",
    "ended_at": "2026-11-23T09:30:41.020Z",
    "duration_seconds": 39,
    "summary": "The caller asked for the opening hours.",
    "analysis_result": {"reason": "opening hours"},
    "messages": [{"role": "assistant", "content": "Riverside Dental, how can I help?"}],
    "room_name": None,
    "recording_url": "https://api.example.com/api/v1/calls/call-inbound-k3v9x2m7q1zd/recording?t=1796030130.…",
    "agent_id": "3f1c6f0e-8f0a-4f5e-9a55-0d3b5a4c7e21",
    "assistant_id": "3f1c6f0e-8f0a-4f5e-9a55-0d3b5a4c7e21",
    "number_id": "5c3b7a52-31a2-4fd7-8f6f-0c6a2f7e1d90",
    "agent_name": "Receptionist",
    "assistant_name": "Receptionist",
    "business_name": "Riverside Dental",
    "phone_number": "+12025550142",
    "created_at": "2026-11-23T09:30:00.000Z",
    "updated_at": "2026-11-23T09:30:44.000Z",
    "metadata": None,
    "cost": None,
    "latency": {"turns": [{"end_of_turn_ms": 410, "first_packet_ms": 690}]},
    "notification": {
        "status": "sent",
        "reason": None,
        "attempts": 1,
        "next_attempt_at": None,
        "sent_at": "2026-11-23T09:30:45.000Z",
        "email_id": "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794",
    },
}

OPERATIONS: Operations = {
    "GET /calls": Operation(
        envelope(calls=list[Call], pagination=Pagination),
        {"calls": [_CALL], "pagination": {"total": 1, "limit": 100, "offset": 0}},
    ),
    "GET /calls/{call_id}": Operation(Call, _CALL),
    "GET /calls/{call_id}/recording": Operation(
        None,
        None,
        redirects_to="The recording in the storage: a WAV file, caller left and agent right. Good for five minutes.",
        errors=(410,),
    ),
    "POST /calls/outbound": Operation(
        Dialled,
        {"success": True, "call_id": "call-outbound-k3v9x2m7q1zd", "status": "dialing"},
        request={"destination": "+12025550143", "assistant_id": "3f1c6f0e-8f0a-4f5e-9a55-0d3b5a4c7e21"},
        members={
            "assistant": CallMembers | None,
            "assistant_override": CallMembers | None,
            "first_message": Line | None,
        },
        errors=(402, 404),
        created="/call_id",
    ),
    "POST /calls/{call_id}/control": Operation(
        Sent,
        {"success": True, "message": "Command sent successfully"},
        body=Annotated[ControlCommand, Field(discriminator="type")],
        request={"type": "say", "content": "One moment, please."},
    ),
}
