"""What the end of a call means for its lead. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sovereign.calls.model import EndReason
from sovereign.campaigns.model import LeadStatus, Retry

Outcome = Literal["answered", "voicemail", "opt_out", "busy", "no_answer", "failed", "destination_not_allowed"]

NOT_RUNG: frozenset[EndReason] = frozenset(
    {EndReason.NO_CAPACITY, EndReason.INSUFFICIENT_CREDITS, EndReason.ASSISTANT_INACTIVE, EndReason.NO_ASSISTANT}
)
"""Ends of calls that were never made."""
NOT_RUNG_DELAY, LONGEST_NOT_RUNG_DELAY = timedelta(seconds=60), timedelta(hours=1)
"""The delay doubles each time: what is in the way may last."""
MOST_UNRUNG = 10
"""So many calls in a row nobody was rung by are given back (over some five hours); one more is a failed attempt, so
that a lead which can never be dialled ends too."""

_OUTCOMES: dict[EndReason, Outcome] = {
    EndReason.DIAL_BUSY: "busy",
    EndReason.DIAL_NO_ANSWER: "no_answer",
    EndReason.CALLER_CANCELLED: "no_answer",
    EndReason.DIAL_REJECTED: "failed",
    EndReason.DIAL_FAILED: "failed",
    EndReason.VOICEMAIL: "voicemail",
    EndReason.OPT_OUT: "opt_out",
    EndReason.DESTINATION_NOT_ALLOWED: "destination_not_allowed",
}
_TECHNICAL = frozenset(
    {
        EndReason.PROVIDER_ERROR,
        EndReason.MEDIA_LOST,
        EndReason.NODE_LOST,
        EndReason.SHUTDOWN,
        EndReason.MCP_UNAVAILABLE,
        EndReason.REJECTED_BY_WEBHOOK,
    }
)
_STATUS: dict[str, LeadStatus] = {
    "answered": "completed",
    "voicemail": "completed",
    "opt_out": "completed",
    "destination_not_allowed": "skipped",
}


@dataclass(frozen=True)
class CallEnd:
    """The end of a lead's call; `unrung` as in `Call`."""

    reason: EndReason
    answered: bool = False
    unrung: bool = False

    @property
    def rang_nobody(self) -> bool:
        """Whether the attempt was none. A destination that is not allowed stays so: that settles the lead."""
        settled = self.reason is EndReason.DESTINATION_NOT_ALLOWED
        return (self.unrung and not settled) or self.reason in NOT_RUNG


@dataclass(frozen=True)
class Step:
    """What becomes of the lead: `due_at` is the next attempt's moment, None when it is over.

    `counted` is whether the attempt counts.
    """

    status: LeadStatus
    outcome: str | None
    due_at: datetime | None = None
    counted: bool = True


def outcome_of(end: CallEnd) -> Outcome:
    """What a lead sees of a call's end. A call that broke down after it was answered counts as failed too."""
    if end.reason in _OUTCOMES:
        return _OUTCOMES[end.reason]
    if end.reason in _TECHNICAL or not end.answered:
        return "failed"
    return "answered"


def next_step(
    end: CallEnd, *, attempts: int, unrung: int = 0, retry: Retry, now: datetime, ended_for_good: bool
) -> Step:
    """The lead after its call ended at `now`; `attempts` counts that call, `unrung` how many before it, since the last
    one that counted, rang nobody.

    `ended_for_good`: the campaign takes no further attempts (it was cancelled).
    """
    if end.rang_nobody and unrung < MOST_UNRUNG:
        delay = min(NOT_RUNG_DELAY * 2**unrung, LONGEST_NOT_RUNG_DELAY)
        return Step("pending", None, now + delay, counted=False)
    outcome = outcome_of(end)
    rule = retry.rule(outcome)
    if rule is not None and rule.retry and attempts < retry.max_attempts and not ended_for_good:
        minutes = rule.delay_minutes or retry.delay_minutes
        return Step("pending", outcome, now + timedelta(minutes=minutes))
    return Step(_STATUS.get(outcome, "failed"), outcome)


def out_of_attempts(outcome: str | None, *, attempts: int, retry: Retry) -> Step | None:
    """The end of a lead that waits for an attempt which the rules, changed since, do not give it any more; else None.

    `outcome` is that of its last attempt, None when that one rang nobody.
    """
    rule = retry.rule(outcome or "")
    if not attempts or (attempts < retry.max_attempts and (rule is None or rule.retry)):
        return None
    return Step(_STATUS.get(outcome or "", "failed"), outcome or "failed")
