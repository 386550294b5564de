"""One answered call's use, and sums over many."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

__all__ = ["CallType", "NewUsage", "UsageLog", "UsagePage", "UsageSummary"]

CallType = Literal["phone", "web"]


@dataclass(frozen=True, kw_only=True)
class NewUsage:
    """What a finished call used. `phone_number` is the organization's own number, never the other person's;
    `billed_minutes` are started minutes; `byok` names which of `stt`, `llm`, `tts` ran on the organization's keys."""

    call_id: str
    duration_sec: int
    billed_minutes: int
    call_type: CallType
    outbound: bool
    byok: frozenset[str] = frozenset()
    phone_number: str | None = None
    agent_name: str | None = None
    business_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class UsageLog:
    """A booked row, as clients see it."""

    id: str
    call_id: str
    duration_sec: int
    call_type: CallType
    byok: frozenset[str]
    created_at: datetime
    phone_number: str | None = None
    agent_name: str | None = None
    business_name: str | None = None


@dataclass(frozen=True)
class UsageSummary:
    """Sums over a range of rows."""

    total_calls: int
    total_seconds: int


@dataclass(frozen=True)
class UsagePage:
    """One page, newest first, and what the whole filter holds."""

    logs: list[UsageLog]
    summary: UsageSummary
