"""What became of a call's mail, as the call's row keeps it. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sovereign.kernel.clock import from_wire, to_wire

_MOMENTS = ("reported_at", "first_attempt_at", "next_attempt_at", "claimed_until", "sent_at")


class NotificationStatus(StrEnum):
    """`not_sent`: the organization has not set up what sending takes."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    NOT_SENT = "not_sent"


class NotificationReason(StrEnum):
    """Why a mail was not sent, failed, or failed the last time."""

    NO_RESEND_KEY = "no_resend_key"
    NO_DOMAIN = "no_domain"
    DOMAIN_NOT_VERIFIED = "domain_not_verified"
    DOMAIN_MISSING_AT_RESEND = "domain_missing_at_resend"
    KEY_REFUSED = "key_refused"
    REFUSED_BY_RESEND = "refused_by_resend"
    RATE_LIMITED = "rate_limited"
    QUOTA_EXCEEDED = "quota_exceeded"
    RESEND_UNAVAILABLE = "resend_unavailable"
    OUTCOME_UNKNOWN = "outcome_unknown"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True, kw_only=True)
class Notification:
    """The record: states and moments, no address and nothing of the mail. `attempts` counts those that were made."""

    status: NotificationStatus
    reported_at: datetime
    reason: NotificationReason | None = None
    attempts: int = 0
    first_attempt_at: datetime | None = None
    next_attempt_at: datetime | None = None
    claimed_until: datetime | None = None
    sent_at: datetime | None = None
    email_id: str | None = None

    def is_free(self, attempts: int, now: datetime) -> bool:
        """Whether the attempt after `attempts` others is still to be made, and nobody is making it."""
        unclaimed = self.claimed_until is None or self.claimed_until < now
        return self.status is NotificationStatus.PENDING and self.attempts == attempts and unclaimed

    def stored(self) -> dict[str, Any]:
        """As the call's row keeps it."""
        members = {name: value for name, value in asdict(self).items() if value is not None}
        return members | {name: to_wire(members[name]) for name in _MOMENTS if name in members}

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> "Notification":
        """From the call's row."""
        moments = {name: from_wire(stored[name]) for name in _MOMENTS if name in stored}
        reason = stored.get("reason")
        kinds = {
            "status": NotificationStatus(stored["status"]),
            "reason": NotificationReason(reason) if reason else None,
        }
        return cls(**{**stored, **moments, **kinds})


def notification_view(stored: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """As responses show it."""
    if stored is None:
        return None
    shown = ("status", "reason", "attempts", "next_attempt_at", "sent_at", "email_id")
    return {name: stored.get(name) for name in shown}
