"""What counts against the limits of outbound calls. The organization's call counter holds all of it: it is written with
every start, so that no two starts can take the same place, and counts down in the transaction that ends a call."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sovereign.kernel.table import Item

__all__ = [
    "OutboundLoad",
    "starts_of_minute",
    "trunk_calls",
    "trunk_fewer",
    "trunk_started",
]


@dataclass(frozen=True)
class OutboundLoad:
    """What already counts: outbound calls up now and started this Unix minute, those up through the trunk, and the
    seconds since the last one through it was started."""

    concurrent_calls: int
    calls_this_minute: int
    trunk_calls: int = 0
    since_trunk_call: float | None = None

    @classmethod
    def of(cls, counter: Item | None, now: datetime, trunk_id: str | None) -> "OutboundLoad":
        """From the call counter's item; without a trunk nothing counts against one."""
        counter = counter or {}
        started = counter.get(trunk_started(trunk_id)) if trunk_id else None
        return cls(
            concurrent_calls=counter.get("active_outbound", 0),
            calls_this_minute=starts_of_minute(counter, now),
            trunk_calls=counter.get(trunk_calls(trunk_id), 0) if trunk_id else 0,
            since_trunk_call=None if started is None else (now.timestamp() * 1000 - started) / 1000,
        )


def trunk_calls(trunk_id: str) -> str:
    """The counter's attribute for the outbound calls that are up through a trunk."""
    return f"trunk_{trunk_id}_calls"


def trunk_started(trunk_id: str) -> str:
    """The counter's attribute for when the last one was started, in Unix milliseconds."""
    return f"trunk_{trunk_id}_started"


def trunk_fewer(trunk_id: str | None) -> Mapping[str, int]:
    """What the end of a call takes off the counter for its trunk."""
    return {} if trunk_id is None else {trunk_calls(trunk_id): -1}


def starts_of_minute(counter: Mapping[str, Any], now: datetime) -> int:
    """Outbound calls started in the Unix minute of `now`."""
    same = counter.get("minute") == int(now.timestamp()) // 60
    return int(counter["minute_outbound"]) if same else 0
