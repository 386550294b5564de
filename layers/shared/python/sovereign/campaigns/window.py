"""When a number may be rung: a daily window on chosen days, read on the wall clock of a zone. Pure.

The wall clock alone decides whether a moment is inside, so a change to or from summer time cannot move a call out of
its window: an hour that is skipped holds no moment, one that comes twice counts both times.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from sovereign.campaigns.schedule import zones

MARGIN = timedelta(seconds=5)
"""A call may be taken by a node for so long after the decision; a window that closes within it counts as closed."""
_DAY = timedelta(days=1)
_LOOK_AGAIN = timedelta(days=1)
"""Where no opening is found in two weeks (a window shorter than the margin): look again tomorrow."""


class UnknownZoneError(ValueError):
    """Nobody knows what time it is there, so nobody is rung there."""


@dataclass(frozen=True)
class Window:
    """Times of day `HH:MM:SS`, days 0 = Monday. An end before the start lies on the day after."""

    start: time
    end: time
    days: Sequence[int]

    @classmethod
    def of(cls, start: str, end: str, days: Sequence[int]) -> "Window":
        """From the members of a campaign."""
        return cls(time.fromisoformat(start), time.fromisoformat(end), tuple(days))

    def is_open(self, now: datetime, zone: str) -> bool:
        """Whether somebody in the zone may be rung now, and still when it rings. Raises UnknownZoneError."""
        place = _place(zone)
        return self._holds(now.astimezone(place)) and self._holds((now + MARGIN).astimezone(place))

    def next_opening(self, now: datetime, zone: str) -> datetime:
        """Now, or the next moment at which it opens (UTC). Raises UnknownZoneError."""
        if self.is_open(now, zone):
            return now
        starts = _starts(self.start, zone, now.astimezone(_place(zone)).date() - _DAY)
        return next((at for at in starts if at > now and self.is_open(at, zone)), now + _LOOK_AGAIN)

    def openings(self, now: datetime, zones: Iterable[str], own: str) -> tuple[list[str], datetime | None]:
        """Of zones ("" is a campaign's `own`) those where it is open (one nobody knows is among them, so that its leads
        are skipped), and when the first of the others opens."""
        open_zones, opening = [], []
        for zone in zones:
            try:
                opens_at = self.next_opening(now, zone or own)
            except UnknownZoneError:
                opens_at = now
            if opens_at <= now:
                open_zones.append(zone)
            else:
                opening.append(opens_at)
        return open_zones, min(opening, default=None)

    def closing(self, now: datetime, zone: str) -> datetime:
        """When the window that is open now closes by the clock (UTC), later than now in any case."""
        local = now.astimezone(_place(zone))
        end = datetime.combine(local.date(), self.end, local.tzinfo)
        if self.start >= self.end and local.time() >= self.start:
            end = datetime.combine(local.date() + _DAY, self.end, local.tzinfo)
        return max(end.astimezone(UTC), now + MARGIN)

    def next_day(self, now: datetime, zone: str) -> datetime:
        """When the zone's next day begins (UTC)."""
        place = _place(zone)
        tomorrow = now.astimezone(place).date() + _DAY
        return datetime.combine(tomorrow, time(), place).astimezone(UTC)

    def _holds(self, local: datetime) -> bool:
        at = local.time()
        if self.start < self.end:
            return self.start <= at < self.end and local.weekday() in self.days
        if at >= self.start:
            return local.weekday() in self.days
        return at < self.end and (local - _DAY).weekday() in self.days


@lru_cache(maxsize=256)
def _starts(start: time, zone: str, first: date) -> Sequence[datetime]:
    """When a window with this start may open there (UTC), for two weeks: whenever the clock shows it, and when the
    clocks change, which can skip the start and bring a window that was over back."""
    place = _place(zone)
    days = [first + day * _DAY for day in range(16)]
    wall = (datetime.combine(day, start.replace(fold=fold), place).astimezone(UTC) for day in days for fold in (0, 1))
    return sorted({*wall, *(change for day in days for change in _changes(day, place))})


def _changes(day: date, place: ZoneInfo) -> Sequence[datetime]:
    """The moment of this day, if there is one, at which the clocks change (UTC)."""
    begins, ends = (datetime.combine(at, time(), place).astimezone(UTC) for at in (day, day + _DAY))
    offset = begins.astimezone(place).utcoffset()
    if ends.astimezone(place).utcoffset() == offset:
        return ()

    def changed(seconds: int) -> bool:
        return (begins + timedelta(seconds=seconds)).astimezone(place).utcoffset() != offset

    return (begins + timedelta(seconds=bisect_left(range(100_000), True, key=changed)),)


@cache
def _place(zone: str) -> ZoneInfo:
    if zone not in zones():
        raise UnknownZoneError(zone)
    return ZoneInfo(zone)
