"""What counts against the limits of outbound calls. The organization's call counter holds all of it: it is written with
every start, so that no two starts can take the same place, and counts down in the transaction that ends a call."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sovereign.kernel.table import Item

__all__ = [
    "OutboundLoad",
    "idle_trunks",
    "starts_of_minute",
    "trunk_calls",
    "trunk_fewer",
    "trunk_started",
]

_IDLE_AFTER: Final = timedelta(minutes=1)
"""The slowest rate of a trunk is a call in ten seconds; after that its last start bounds nothing."""
_FORGOTTEN_AT_ONCE: Final = 10
"""Idle trunks a start removes: an expression has at most 4 KB, and a start brings one trunk at most."""


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


def idle_trunks(counter: Mapping[str, Any], now: datetime, *, but: str | None) -> list[str]:
    """The counter's attributes of trunks that nothing is counted for any more, so that those of trunks that are gone do
    not fill it; `but` is the trunk of the call that starts."""
    until = (now - _IDLE_AFTER).timestamp() * 1000
    idle = [
        trunk_id
        for trunk_id in _trunks(counter)
        if trunk_id != but and counter[trunk_calls(trunk_id)] == 0 and counter[trunk_started(trunk_id)] < until
    ]
    return [name(trunk_id) for trunk_id in idle[:_FORGOTTEN_AT_ONCE] for name in (trunk_calls, trunk_started)]


def _trunks(counter: Mapping[str, Any]) -> list[str]:
    before, after = trunk_started("#").split("#")
    names = (name for name in counter if name.startswith(before) and name.endswith(after))
    return [name.removeprefix(before).removesuffix(after) for name in names]


def starts_of_minute(counter: Mapping[str, Any], now: datetime) -> int:
    """Outbound calls started in the Unix minute of `now`."""
    same = counter.get("minute") == int(now.timestamp()) // 60
    return int(counter["minute_outbound"]) if same else 0
