"""The one place that reads the wall clock, and the one wire format for a moment."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the current moment, timezone-aware UTC."""


def utc_now() -> datetime:
    """The current moment in UTC, truncated to the millisecond the wire format keeps."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def to_wire(moment: datetime) -> str:
    """ISO 8601 UTC with milliseconds and `Z`, e.g. `2026-11-22T21:00:00.000Z`; sorts as text in time order."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_wire(text: str) -> datetime:
    """Parse an ISO 8601 moment; one without a zone is taken as UTC. Raises ValueError when it is not one."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
