"""An organization's outbound policy: which countries, and how many calls and minutes."""

from collections.abc import Iterable
from dataclasses import dataclass

from sovereign.kernel.errors import RateLimitedError
from sovereign.kernel.phone import region_of
from sovereign.organizations import OutboundPolicy


class OutboundLimitError(RateLimitedError):
    """The organization's outbound policy allows no further call for the moment (429)."""

    code = "outbound_limit_reached"


def allowed_countries(policy: OutboundPolicy, own_numbers: Iterable[str]) -> frozenset[str]:
    """ISO 3166 alpha-2 codes that may be dialled: the policy's, else those of the organization's own E.164 numbers."""
    if policy.allowed_countries is not None:
        return frozenset(policy.allowed_countries)
    return frozenset(region for number in own_numbers if (region := region_of(number)))


@dataclass(frozen=True)
class DialledAlready:
    """What counts against the policy: outbound calls up now, started in the last minute, minutes since 00:00 UTC."""

    concurrent_calls: int
    calls_last_minute: int
    minutes_today: int = 0


def check_limits(policy: OutboundPolicy, already: DialledAlready) -> None:
    """Raise OutboundLimitError when one more call would exceed the policy; `retry_after` in seconds."""
    if already.concurrent_calls >= policy.max_concurrent_calls:
        raise OutboundLimitError(f"At most {policy.max_concurrent_calls} outbound calls at once.", retry_after=30)
    if already.calls_last_minute >= policy.max_calls_per_minute:
        raise OutboundLimitError(f"At most {policy.max_calls_per_minute} outbound calls a minute.", retry_after=60)
    if policy.max_minutes_per_day is not None and already.minutes_today >= policy.max_minutes_per_day:
        raise OutboundLimitError(f"At most {policy.max_minutes_per_day} outbound minutes a day.", retry_after=3600)
