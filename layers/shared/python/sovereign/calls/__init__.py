"""Phone and web calls: their life cycle, transcript and facts."""

from sovereign.calls.errors import CallNotFoundError, CallNotInProgressError
from sovereign.calls.live import LiveCall, LiveCalls
from sovereign.calls.model import (
    STATUS_OF_END_REASON,
    TERMINAL_STATUSES,
    Call,
    CallOutcome,
    CallRef,
    CallStatus,
    Direction,
    EndReason,
    Message,
    NewCall,
)
from sovereign.calls.store import CallFilters, CallPage, CallStore, OutboundLoad

__all__ = [
    "STATUS_OF_END_REASON",
    "TERMINAL_STATUSES",
    "Call",
    "CallFilters",
    "CallNotFoundError",
    "CallNotInProgressError",
    "CallOutcome",
    "CallPage",
    "CallRef",
    "CallStatus",
    "CallStore",
    "Direction",
    "EndReason",
    "LiveCall",
    "LiveCalls",
    "Message",
    "NewCall",
    "OutboundLoad",
]
