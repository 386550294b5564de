"""Which countries an organization may dial, and how many calls and minutes it, and each of its trunks, may take."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from sovereign.kernel.errors import RateLimitedError
from sovereign.kernel.phone import region_of
from sovereign.organizations import OutboundPolicy
from sovereign.sip_trunks import TrunkOptions


class OutboundLimitError(RateLimitedError):
    """The organization's outbound policy, or the trunk, allows no further call for the moment (429).

    `wait_seconds` is how long exactly, where that is known; `retry_after` the same in whole seconds, or an estimate.
    """

    code = "outbound_limit_reached"

    def __init__(
        self, message: str | None = None, *, retry_after: int | None = None, wait_seconds: float | None = None
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self.wait_seconds = wait_seconds


def allowed_countries(policy: OutboundPolicy, own_numbers: Iterable[str]) -> frozenset[str]:
    """ISO 3166 alpha-2 codes that may be dialled: the policy's, else those of the organization's own E.164 numbers."""
    if policy.allowed_countries is not None:
        return frozenset(policy.allowed_countries)
    return frozenset(region for number in own_numbers if (region := region_of(number)))


@dataclass(frozen=True)
class DialledAlready:
    """What counts: outbound calls up now, started in the last minute, minutes since 00:00 UTC; of the trunk the calls
    up through it and the seconds since the last of them was started."""

    concurrent_calls: int
    calls_last_minute: int
    minutes_today: int = 0
    trunk_calls: int = 0
    since_trunk_call: float | None = None


def check_limits(policy: OutboundPolicy, already: DialledAlready) -> None:
    """Raise OutboundLimitError when one more call would exceed the policy; `retry_after` in seconds."""
    if already.concurrent_calls >= policy.max_concurrent_calls:
        raise OutboundLimitError(f"At most {policy.max_concurrent_calls} outbound calls at once.", retry_after=30)
    if already.calls_last_minute >= policy.max_calls_per_minute:
        raise OutboundLimitError(f"At most {policy.max_calls_per_minute} outbound calls a minute.", retry_after=60)
    if policy.max_minutes_per_day is not None and already.minutes_today >= policy.max_minutes_per_day:
        raise OutboundLimitError(f"At most {policy.max_minutes_per_day} outbound minutes a day.", retry_after=3600)


def check_trunk(trunk: TrunkOptions, already: DialledAlready) -> None:
    """Raise OutboundLimitError when one more call would exceed what the trunk takes."""
    most, rate = trunk.max_concurrent_calls, trunk.calls_per_second
    if most is not None and already.trunk_calls >= most:
        raise OutboundLimitError(f"The SIP trunk takes at most {most} outbound calls at once.", retry_after=30)
    if rate is not None and already.since_trunk_call is not None and already.since_trunk_call < 1 / rate:
        wait = max(0.001, 1 / rate - already.since_trunk_call)  # the counter holds milliseconds
        message = f"The SIP trunk takes at most {rate:g} outbound calls a second."
        raise OutboundLimitError(message, retry_after=ceil(wait), wait_seconds=wait)
