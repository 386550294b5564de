"""Places that campaigns share: on a trunk, within the organization's limits, on the media nodes.

For a place that is free at a known moment whoever had none for longest comes first; for one that is free when some call
ends they look at random moments, so each gets it as often as another. While they wait, the limit that was met is asked
again of the call counter, which is read with the campaign: a look costs no request of its own.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sovereign.calls.limits import LimitReachedError, OutboundLimits
from sovereign.campaigns.fleet import Fleet
from sovereign.kernel.table import Item

LONGEST_NAP = 1.0
_LOOKS = (0.2, 2.0)
"""Seconds between two looks for a place that a call's end frees."""
_KNOWN_FOR = timedelta(seconds=15)
"""How long a limit is taken for what it was when it was met; then everything is read again."""
_COURTESY, _MOST_COURTESY = 0.05, 0.05
"""How much longer than it must, of a trunk's interval and in seconds, who had the last place waits for the next."""


class SharedRoom:
    """What one execution knows of it. `chance` is from 0 to 1."""

    def __init__(self, fleet: Fleet, chance: Callable[[], float]) -> None:
        self._fleet = fleet
        self._chance = chance
        self._met: tuple[OutboundLimits, datetime] | None = None
        self._placed_at: datetime | None = None

    def wait(self, counter: Item | None, now: datetime) -> float:
        """Seconds until it is worth asking for a place; 0 when there seems to be one."""
        if not self._fleet.has_room(now):
            return self.until_next_look()
        if self._met is None:
            return 0.0
        limits, since = self._met
        try:
            if now - since < _KNOWN_FOR:
                limits.check_counter(counter, now)
        except LimitReachedError as still:
            return self._nap(still, now)
        self._met = None
        return 0.0

    def met(self, limit: LimitReachedError, now: datetime) -> float:
        """A limit was met; returns the seconds to wait."""
        self._met = (limit.limits, now)
        return self._nap(limit, now)

    def placed(self, now: datetime) -> None:
        """A call took a place."""
        self._placed_at = now
        self._fleet.placed()

    def until_next_look(self) -> float:
        """Seconds until a place may be free, at random."""
        shortest, longest = _LOOKS
        return shortest + (longest - shortest) * self._chance()

    def _nap(self, limit: LimitReachedError, now: datetime) -> float:
        rate = limit.limits.trunk.settings.calls_per_second
        if limit.wait_seconds is None or rate is None:
            return self.until_next_look()
        free_at = now + timedelta(seconds=limit.wait_seconds)
        nap = limit.wait_seconds + self._courtesy(free_at, 1 / rate)
        return nap if nap <= 2 * LONGEST_NAP else LONGEST_NAP  # the last nap is never cut: it holds the courtesy

    def _courtesy(self, free_at: datetime, interval: float) -> float:
        """Less the longer ago our last place was; nothing for who had none."""
        if self._placed_at is None:
            return 0.0
        intervals = max(1.0, (free_at - self._placed_at).total_seconds() / interval)
        return min(_MOST_COURTESY, _COURTESY * interval) / intervals
