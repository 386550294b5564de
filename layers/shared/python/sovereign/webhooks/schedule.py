"""When a failed delivery is tried again."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from zlib import crc32

RETRY_DELAYS: Sequence[timedelta] = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=10),
)
"""Between one attempt and the next: 8 attempts over about 27.5 hours."""
JITTER = 0.1
"""Up to a tenth is added to each delay, so that what failed together does not come back together."""
LONGEST_QUEUE_DELAY = timedelta(minutes=15)
"""The longest a queue can hold a message back; later attempts wait in the table."""
LONGEST_RETRY_AFTER = timedelta(hours=24)


def next_attempt_at(
    delivery_id: str, *, failures: int, now: datetime, retry_after: timedelta | None = None
) -> datetime | None:
    """When to try again after `failures` failed attempts of this round, None when it is given up.

    The jitter follows from the delivery's id, so that a repeated computation agrees. `retry_after` only postpones.
    """
    if failures > len(RETRY_DELAYS):
        return None
    delay = RETRY_DELAYS[failures - 1] * (1 + JITTER * _spread(f"{delivery_id}#{failures}"))
    if retry_after is not None:
        delay = max(delay, min(retry_after, LONGEST_RETRY_AFTER))
    return now + delay


def parse_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """The wait an endpoint's `Retry-After` header asks for: seconds or a date; None when absent or unreadable."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), LONGEST_RETRY_AFTER.total_seconds()))
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(timedelta(0), moment - now)


def _spread(seed: str) -> float:
    return float(crc32(seed.encode()) / 2**32)
