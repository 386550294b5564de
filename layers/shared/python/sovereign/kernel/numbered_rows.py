"""Rows with a gap-free number per organization: the keys, the time bounds and the range of a page.

Number order is time order (a row's `created_at` is never before the counter's last), so the row at offset k of n is
number n - k, and a time range is a range of numbers. Used by calls and usage.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from sovereign.kernel.clock import from_wire, to_wire
from sovereign.kernel.errors import InvalidRequestError
from sovereign.kernel.table import Item, Ref, Table

__all__ = [
    "NumberRange",
    "TimeRange",
    "counted",
    "counter_ref",
    "created_at_after",
    "made_at",
    "number_text",
    "read_range",
]

_AFTER_DIGITS = "~"


@dataclass(frozen=True)
class TimeRange:
    """Moments from `start` to `end`, both included; None leaves that side open."""

    start: datetime | None = None
    end: datetime | None = None

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


def counter_ref(pk: str) -> Ref:
    """The counter of a partition of rows: `last_number`, `last_created_at` and the owner's own sums."""
    return Ref(pk, "COUNTER")


def number_text(number: int) -> str:
    """A number as it sorts: 12 digits."""
    return f"{number:012d}"


def made_at(created_at: datetime, number: int) -> str:
    """The `by_time` sort key: the moment, then the number, so that rows of one millisecond keep their order."""
    return f"{to_wire(created_at)}#{number_text(number)}"


def counted(counter: Item | None) -> int:
    """How many rows there are."""
    return int(counter["last_number"]) if counter else 0


def created_at_after(counter: Item | None, now: datetime) -> datetime:
    """When the next row is made: now, but never before the last one."""
    return max(now, from_wire(counter["last_created_at"])) if counter else now


def read_range(table: Table, pk: str, counter: Item | None, bounds: TimeRange) -> NumberRange:
    """The numbers made within `bounds`; at most one request a side, none where the counter already tells."""
    if counter is None:
        return NumberRange(1, 0)
    last = from_wire(counter["last_created_at"])
    count = counted(counter)
    low = 1 if bounds.start is None else _first_from(table, pk, bounds.start, last, count)
    high = count if bounds.end is None or bounds.end >= last else _last_until(table, pk, bounds.end)
    return NumberRange(low, high)


def _moment(text: str) -> datetime | None:
    try:
        return from_wire(text)
    except (ValueError, OverflowError):
        return None


def _first_from(table: Table, pk: str, start: datetime, last: datetime, count: int) -> int:
    if start > last:
        return count + 1
    found = table.page(pk, index="by_time", between=(to_wire(_whole_millisecond(start)), _AFTER_DIGITS), limit=1)
    return _number(found.items[0]) if found.items else count + 1


def _last_until(table: Table, pk: str, end: datetime) -> int:
    bounds = ("0", to_wire(end) + _AFTER_DIGITS)
    found = table.page(pk, index="by_time", between=bounds, limit=1, descending=True)
    return _number(found.items[0]) if found.items else 0


def _whole_millisecond(moment: datetime) -> datetime:
    """The moment itself or the next whole millisecond: rows keep milliseconds, and a bound must not round down."""
    rest = moment.microsecond % 1000
    return moment.astimezone(UTC) + timedelta(microseconds=(1000 - rest) % 1000)


def _number(item: Item) -> int:
    return int(item["sk"])
