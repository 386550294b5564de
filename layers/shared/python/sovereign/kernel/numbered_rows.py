"""Rows with a gap-free number per organization: the keys, the time bounds and the range of a page.

Number order is time order (a row's `created_at` is never before the counter's last), so the row at offset k of n is
number n - k, and a time range is a range of numbers (`time_marks` finds its ends). Used by calls and usage.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sovereign.kernel.clock import from_wire
from sovereign.kernel.errors import InvalidRequestError
from sovereign.kernel.table import Item, Ref, Table
from sovereign.kernel.time_marks import Mark, marks_towards, until

__all__ = [
    "NumberRange",
    "RowsWithin",
    "TimeRange",
    "counted",
    "counter_ref",
    "created_at_after",
    "number_text",
    "read_range",
]


@dataclass(frozen=True)
class TimeRange:
    """Moments from `start` to `end`, both included; None leaves that side open."""

    start: datetime | None = None
    end: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no moment can lie in it."""
        return self.start is not None and self.end is not None and self.start > self.end

    @classmethod
    def parse(cls, start_date: str | None, end_date: str | None) -> Self:
        """From ISO 8601 parameters; one without a zone is UTC, a date alone its midnight.

        Raises InvalidRequestError naming each parameter that is not one.
        """
        given = {"start_date": start_date, "end_date": end_date}
        moments = {name: _moment(text) for name, text in given.items() if text is not None}
        if problems := [f"{name}: must be an ISO 8601 date-time" for name, moment in moments.items() if moment is None]:
            raise InvalidRequestError("The request is not valid; see details.", details=problems)
        return cls(moments.get("start_date"), moments.get("end_date"))


@dataclass(frozen=True)
class NumberRange:
    """Numbers from `low` to `high`, both included; empty when low > high."""

    low: int
    high: int

    @property
    def total(self) -> int:
        """How many numbers it holds."""
        return max(0, self.high - self.low + 1)

    def page(self, offset: int, limit: int) -> "NumberRange":
        """The `limit` newest numbers after skipping the `offset` newest."""
        high = self.high - offset
        return NumberRange(max(self.low, high - limit + 1), high)


@dataclass(frozen=True)
class RowsWithin:
    """The rows of a time range: those after the row `before`, until the row `last`."""

    before: Mark
    last: Mark

    @property
    def numbers(self) -> NumberRange:
        """Their numbers."""
        return NumberRange(self.before.number + 1, self.last.number)

    @property
    def total(self) -> int:
        """What they add to the owner's running sum."""
        return max(0, self.last.total - self.before.total)


def counter_ref(pk: str) -> Ref:
    """The counter of a partition of rows: `last_number`, `last_created_at` and the owner's own sums."""
    return Ref(pk, "COUNTER")


def number_text(number: int) -> str:
    """A number as it sorts: 12 digits."""
    return f"{number:012d}"


def counted(counter: Item | None) -> int:
    """How many rows there are."""
    return int(counter["last_number"]) if counter else 0


def created_at_after(counter: Item | None, now: datetime) -> datetime:
    """When the next row is made: now, but never before the last one."""
    return max(now, from_wire(counter["last_created_at"])) if counter else now


def read_range(table: Table, pk: str, bounds: TimeRange) -> RowsWithin:
    """The rows made within `bounds`; one request, whatever the bounds."""
    sides = [moment for moment in (bounds.start, bounds.end) if moment is not None]
    wanted = [counter_ref(pk), *(node for moment in sides for node in marks_towards(pk, moment))]
    found = table.get_many([*dict.fromkeys(wanted)], consistent=True)
    counter = found.get(counter_ref(pk))
    if counter is None:
        return RowsWithin(Mark(), Mark())
    newest, made = Mark(counted(counter), counter.get("total_seconds", 0)), from_wire(counter["last_created_at"])
    before = Mark() if bounds.start is None else until(found, pk, bounds.start, included=False)
    last = newest if bounds.end is None or bounds.end >= made else until(found, pk, bounds.end)
    return RowsWithin(min(before, newest), min(last, newest))


def _moment(text: str) -> datetime | None:
    try:
        return from_wire(text)
    except (ValueError, OverflowError):
        return None
