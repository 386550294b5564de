"""A delivery: one fact on its way to one endpoint, with a record of every attempt."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from sovereign.webhooks.targets import WebhookEvent


class DeliveryStatus(StrEnum):
    """What became of a delivery so far."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class DeliveryRef(NamedTuple):
    """Where a delivery lies: `key` is `<time of the fact>#<id>`."""

    org_id: str
    key: str

    @property
    def delivery_id(self) -> str:
        """The delivery's id, which is its fact's and the request's `webhook-id`."""
        return self.key.split("#", 1)[1]


@dataclass(frozen=True)
class Attempt:
    """One request: `status` is the HTTP status, None when there was no answer and `error` says why.

    `answer` holds the first 1 KiB of the answer's body, None for a gdpr_mode call.
    """

    at: datetime
    duration_ms: int
    status: int | None = None
    error: str | None = None
    answer: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the endpoint took it: any 2xx."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """The record. `attempt_count` numbers all attempts; `round_start` is its value when the schedule last began."""

    ref: DeliveryRef
    call_id: str
    call_number: int
    event: WebhookEvent
    fact: str
    sequence: int
    url: str
    status: DeliveryStatus
    created_at: datetime
    private: bool = False
    attempt_count: int = 0
    round_start: int = 0
    attempts: Sequence[Attempt] = ()
    next_attempt_at: datetime | None = None
    claimed_until: datetime | None = None
    failure: str | None = None
    body_erased: bool = False

    @property
    def failures_this_round(self) -> int:
        """Attempts since the schedule last began; every one of them failed while the delivery is pending."""
        return self.attempt_count - self.round_start


@dataclass(frozen=True)
class AttemptResult:
    """An attempt and what the endpoint asked for beside its answer."""

    attempt: Attempt
    retry_after: timedelta | None = None
    gone: bool = field(default=False)
    slow: bool = field(default=False)
