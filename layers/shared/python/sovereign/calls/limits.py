"""The limits one outbound call is held to, asked of the call counter."""

from dataclasses import dataclass
from datetime import datetime

from sovereign.calls.load import OutboundLoad
from sovereign.destinations import DialledAlready, OutboundLimitError, check_limits, check_trunk
from sovereign.kernel.table import Item
from sovereign.organizations import OutboundPolicy
from sovereign.sip_trunks import SipTrunk

__all__ = ["LimitReachedError", "OutboundLimits"]


class LimitReachedError(OutboundLimitError):
    """A limit is reached; `limits` can be asked again, of a newer counter."""

    def __init__(self, reached: OutboundLimitError, limits: "OutboundLimits") -> None:
        super().__init__(reached.message, retry_after=reached.retry_after, wait_seconds=reached.wait_seconds)
        self.limits = limits


@dataclass(frozen=True)
class OutboundLimits:
    """What one call is held to: the organization's policy and the trunk it goes through."""

    policy: OutboundPolicy
    trunk: SipTrunk
    minutes_today: int = 0

    def check(self, load: OutboundLoad) -> None:
        """Raise LimitReachedError when one more call would be too many."""
        already = DialledAlready(
            load.concurrent_calls,
            load.calls_this_minute,
            self.minutes_today,
            load.trunk_calls,
            load.since_trunk_call,
        )
        try:
            check_limits(self.policy, already)
            check_trunk(self.trunk.settings, already)
        except OutboundLimitError as reached:
            raise LimitReachedError(reached, self) from reached

    def check_counter(self, counter: Item | None, now: datetime) -> None:
        """`check` for what the call counter's item says."""
        self.check(OutboundLoad.of(counter, now, self.trunk.id))
