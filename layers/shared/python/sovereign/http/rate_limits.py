"""Fixed windows by the Unix minute: one table write a request, none for a key without a limit."""

from dataclasses import dataclass

from sovereign.kernel.clock import Clock, utc_now
from sovereign.kernel.errors import RateLimitedError
from sovereign.kernel.table import Ref, Table, Update

CONTROL_COMMANDS_PER_MINUTE = 10
"""Control commands a minute for one active call (spec: Rate limits)."""

_KEEP_SECONDS = 300


@dataclass(frozen=True)
class RateState:
    """Where a caller stands in the current window: `limit` None = unlimited, `reset` in Unix seconds."""

    limit: int | None
    used: int
    reset: int

    @property
    def exceeded(self) -> bool:
        """Whether this request is over the limit."""
        return self.limit is not None and self.used > self.limit

    def headers(self, default_limit: int) -> dict[str, str]:
        """The `X-RateLimit-*` headers; an unlimited key shows the default limit as never used."""
        limit = default_limit if self.limit is None else self.limit
        remaining = limit if self.limit is None else max(0, limit - self.used)
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(remaining),
            "X-RateLimit-Reset": str(self.reset),
        }


class RateLimiter:
    """Counts requests in the table, so that all instances of all functions share one count."""

    def __init__(self, table: Table, clock: Clock = utc_now) -> None:
        self._table = table
        self._clock = clock

    def state(self, limit: int | None) -> RateState:
        """The current window with nothing counted."""
        return RateState(limit, 0, self._minute() * 60 + 60)

    def count(self, subject: str, limit: int | None) -> RateState:
        """Count one request of `subject` (a key or call id)."""
        minute = self._minute()
        if limit is None:
            return self.state(None)
        expiry = {"expires_at": minute * 60 + _KEEP_SECONDS}
        item = self._table.update(Update(Ref(f"RATE#{subject}", str(minute)), set=expiry, add={"count": 1}))
        return RateState(limit, item["count"], minute * 60 + 60)

    def require(self, subject: str, limit: int, message: str) -> None:
        """Count one act of `subject` and raise RateLimitedError when it is over the limit."""
        state = self.count(subject, limit)
        if state.exceeded:
            raise self.refusal(state, message)

    def refusal(self, state: RateState, message: str) -> RateLimitedError:
        """The error for a caller over its limit, with the seconds until the window ends."""
        wait = max(1, state.reset - int(self._clock().timestamp()))
        return RateLimitedError(f"{message} Retry after {wait} seconds.", retry_after=wait)

    def _minute(self) -> int:
        return int(self._clock().timestamp()) // 60


def limit_control_commands(table: Table, call_id: str, clock: Clock = utc_now) -> None:
    """Count one control command of a call; raises RateLimitedError past ten a minute."""
    message = f"At most {CONTROL_COMMANDS_PER_MINUTE} control commands a minute for one call."
    RateLimiter(table, clock).require(call_id, CONTROL_COMMANDS_PER_MINUTE, message)
