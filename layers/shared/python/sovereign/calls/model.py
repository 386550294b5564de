"""A call, its statuses and end reasons, and the pure rules of its life."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from sovereign.kernel.ids import Direction

__all__ = [
    "STATUS_OF_END_REASON",
    "TERMINAL_STATUSES",
    "Call",
    "CallOutcome",
    "CallRef",
    "CallStatus",
    "Direction",
    "EndReason",
    "Message",
    "NewCall",
    "seconds_between",
]


class CallStatus(StrEnum):
    """What a client sees. The claim of an outbound call by a node is not a status: see `CallLifecycle.claim_dial`."""

    CONNECTING = "connecting"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    ENDED = "ended"
    ENDED_WITH_ERROR = "ended-with-error"
    TRANSFERRED = "transferred"
    FAILED = "failed"
    REJECTED = "rejected"
    INSUFFICIENT_CREDITS = "insufficient-credits"

    @property
    def is_terminal(self) -> bool:
        """Whether the call is over."""
        return self in TERMINAL_STATUSES


class EndReason(StrEnum):
    """Why a call ended; `STATUS_OF_END_REASON` gives the status that follows."""

    USER_HANGUP = "user_hangup"
    ASSISTANT_HANGUP = "assistant_hangup"
    CONTROL_END_CALL = "control_end_call"
    MAX_DURATION = "max_duration"
    SILENCE_TIMEOUT = "silence_timeout"
    VOICEMAIL = "voicemail"
    CONSENT_DECLINED = "consent_declined"
    CONSENT_TIMEOUT = "consent_timeout"
    WORKFLOW_END = "workflow_end"
    OPT_OUT = "opt_out"
    CREDITS_EXHAUSTED = "credits_exhausted"
    TRANSFER_FAILED = "transfer_failed"
    TRANSFERRED = "transferred"
    PROVIDER_ERROR = "provider_error"
    MEDIA_LOST = "media_lost"
    NODE_LOST = "node_lost"
    SHUTDOWN = "shutdown"
    MCP_UNAVAILABLE = "mcp_unavailable"
    DIAL_BUSY = "dial_busy"
    DIAL_NO_ANSWER = "dial_no_answer"
    DIAL_REJECTED = "dial_rejected"
    DIAL_FAILED = "dial_failed"
    DESTINATION_NOT_ALLOWED = "destination_not_allowed"
    CALLER_CANCELLED = "caller_cancelled"
    REJECTED_BY_WEBHOOK = "rejected_by_webhook"
    NO_ASSISTANT = "no_assistant"
    ASSISTANT_INACTIVE = "assistant_inactive"
    NO_CAPACITY = "no_capacity"
    INSUFFICIENT_CREDITS = "insufficient_credits"


_REASONS: Mapping[CallStatus, Sequence[EndReason]] = {
    CallStatus.ENDED: (
        EndReason.USER_HANGUP,
        EndReason.ASSISTANT_HANGUP,
        EndReason.CONTROL_END_CALL,
        EndReason.MAX_DURATION,
        EndReason.SILENCE_TIMEOUT,
        EndReason.VOICEMAIL,
        EndReason.CONSENT_DECLINED,
        EndReason.CONSENT_TIMEOUT,
        EndReason.WORKFLOW_END,
        EndReason.OPT_OUT,
        EndReason.CREDITS_EXHAUSTED,
        EndReason.TRANSFER_FAILED,
    ),
    CallStatus.TRANSFERRED: (EndReason.TRANSFERRED,),
    CallStatus.ENDED_WITH_ERROR: (
        EndReason.PROVIDER_ERROR,
        EndReason.MEDIA_LOST,
        EndReason.NODE_LOST,
        EndReason.SHUTDOWN,
        EndReason.MCP_UNAVAILABLE,
    ),
    CallStatus.FAILED: (
        EndReason.DIAL_BUSY,
        EndReason.DIAL_NO_ANSWER,
        EndReason.DIAL_REJECTED,
        EndReason.DIAL_FAILED,
        EndReason.DESTINATION_NOT_ALLOWED,
        EndReason.CALLER_CANCELLED,
    ),
    CallStatus.REJECTED: (
        EndReason.REJECTED_BY_WEBHOOK,
        EndReason.NO_ASSISTANT,
        EndReason.ASSISTANT_INACTIVE,
        EndReason.NO_CAPACITY,
    ),
    CallStatus.INSUFFICIENT_CREDITS: (EndReason.INSUFFICIENT_CREDITS,),
}

STATUS_OF_END_REASON: Mapping[EndReason, CallStatus] = {
    reason: status for status, reasons in _REASONS.items() for reason in reasons
}
"""The one table from end reason to terminal status; it names every end reason."""

TERMINAL_STATUSES: frozenset[CallStatus] = frozenset(_REASONS)


class CallRef(NamedTuple):
    """Where a call lies: `number` is its gap-free place among the organization's calls, from 1."""

    org_id: str
    call_id: str
    number: int


class Message(NamedTuple):
    """One entry of the transcript as clients see it; `role` is `user`, `assistant`, `tool` or `system`."""

    role: str
    content: str


@dataclass(frozen=True, kw_only=True)
class NewCall:
    """What is known when a call starts. `caller_phone` is the person's number in both directions, `assistant_phone`
    the organization's own; both E.164, None on web calls.

    `trunk_id` is the trunk an outbound call counts against; from `dial_before` on no node may claim it any more.
    `ringing` starts an inbound call at status `ringing` (with its fact) instead of `connecting`.
    `metadata` is the assistant's own, with whatever secrets: the row gets it masked.
    `private` is the assistant's gdpr_mode: numbers and content then lie encrypted outside the call's row.
    """

    org_id: str
    call_id: str
    direction: Direction
    caller_phone: str | None = None
    assistant_phone: str | None = None
    agent_id: str | None = None
    agent_name: str | None = None
    business_name: str | None = None
    number_id: str | None = None
    trunk_id: str | None = None
    dial_before: datetime | None = None
    metadata: Mapping[str, Any] | None = None
    private: bool = False
    ringing: bool = False


@dataclass(frozen=True, kw_only=True)
class CallOutcome:
    """How a call ended. `ended_at` None means now; `error` is for the customer, so it holds no secret and no internals.

    `transfer` is `{"destination", "outcome"}`; `latency` the per-turn figures; `cost` in US dollars, None when unknown.
    `byok` names which of `stt`, `llm`, `tts` ran on the organization's own keys; None: as when the call was answered.
    `unrung`: nobody's phone can have rung, because no INVITE was sent. `recording_late`: pieces of its recording are
    still being stored.
    """

    end_reason: EndReason
    error: str | None = None
    ended_at: datetime | None = None
    transfer: Mapping[str, Any] | None = None
    latency: Mapping[str, Any] | None = None
    cost: float | None = None
    byok: frozenset[str] | None = None
    unrung: bool = False
    recording_late: bool = False

    @property
    def status(self) -> CallStatus:
        """The terminal status this outcome leads to."""
        return STATUS_OF_END_REASON[self.end_reason]


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call as stored. `messages`, `summary` and the analysis are None where they were not read or do not exist.

    `caller_phone` is the person's number in both directions, `assistant_phone` the organization's own.
    """

    ref: CallRef
    direction: Direction
    status: CallStatus
    created_at: datetime
    updated_at: datetime
    caller_phone: str | None = None
    assistant_phone: str | None = None
    agent_id: str | None = None
    agent_name: str | None = None
    business_name: str | None = None
    number_id: str | None = None
    trunk_id: str | None = None
    """The trunk an outbound call counts against until its end."""
    dial_before: datetime | None = None
    """From when on nobody may claim an outbound call any more: what allowed it has been looked at too long ago."""
    end_reason: EndReason | None = None
    error: str | None = None
    unrung: bool = False
    """It is over, and it is certain that no INVITE was sent for it."""
    started_at: datetime | None = None
    bridged_at: datetime | None = None
    """When the caller was handed over to a second leg that this platform carries: from then on the status is
    `transferred`, while the call is over (`ended_at`, settled) only when both legs are gone."""
    ended_at: datetime | None = None
    duration_seconds: int | None = None
    metadata: Mapping[str, Any] | None = None
    transfer: Mapping[str, Any] | None = None
    latency: Mapping[str, Any] | None = None
    cost: float | None = None
    recording: Literal["late", "stored", "erased"] | None = None
    """`late`: pieces of it were still being stored when the call ended. `erased`: retention has taken it. None: there
    is none, or it is not put together yet."""
    private: bool = False
    sequence: int = 0
    """Number of the last fact of this call."""
    version: int = 0
    """Rises with every change of the row."""
    node_id: str | None = None
    """The media node that claimed it; None while an outbound call waits for one."""
    byok: frozenset[str] = field(default_factory=frozenset)
    """Which of `stt`, `llm`, `tts` ran on the organization's own keys."""
    reported: bool = False
    notification: Mapping[str, Any] | None = None
    """What became of the mail about it (`sovereign.notifications`); None where nobody is to get one."""
    messages: Sequence[Message] | None = None
    summary: str | None = None
    analysis_result: Any = None
    analysis_error: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing of the call is left; a bridged one has its last status before that."""
        return self.status.is_terminal and self.ended_at is not None


def seconds_between(start: datetime, end: datetime) -> int:
    """Whole seconds from start to end, rounded to the nearest; never negative."""
    return max(0, round((end - start).total_seconds()))
