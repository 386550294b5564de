"""How fast calls start: a token bucket kept as one moment, the time at which the next call is due (GCRA). Pure."""

from dataclasses import dataclass

BURST_MS = 1000
"""How far a campaign that fell behind may catch up: so much time's calls at once, not more."""


@dataclass(frozen=True)
class Pace:
    """`next_ms` is when the next call is due, in Unix milliseconds, as the table holds it; None before the first."""

    next_ms: int | None
    calls_per_second: float

    @property
    def interval_ms(self) -> int:
        """Between two calls."""
        return round(1000 / self.calls_per_second)

    def wait_ms(self, now_ms: int) -> int:
        """How long the next call has to wait; 0 when it is due."""
        return max(0, (self.next_ms or 0) - now_ms)

    def after_call(self, now_ms: int) -> int:
        """When the call after one that starts now is due."""
        due = now_ms if self.next_ms is None else max(self.next_ms, now_ms - BURST_MS)
        return due + self.interval_ms
