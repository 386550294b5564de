"""`make soak paging`: pages of a hundred thousand calls and their usage against an oracle, and what each of them costs.

In this process against moto, as `bench/paging.py`, whose table it fills.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bench.paging import ORGANIZATION, TABLE, loaded_table

if TYPE_CHECKING:
    from bench.requests import Watch
    from tests.contract.history import History

__all__ = ["run", "soak"]

ROWS, LIMIT, RANDOM_PAGES = 100_000, 100, 8
COST_RATIO = 1.1
REQUESTS = 2
"""Of a page without a filter by status or agent, wherever it lies."""


@dataclass(frozen=True)
class _Page:
    """A page that was read: what it says, its rows, and what it cost."""

    total: int
    rows: Sequence[Any]
    items: int
    requests: int


@dataclass(frozen=True)
class _List:
    """A list under one filter: how a page of it is read, and the rows it has in truth, newest first."""

    name: str
    read: Callable[[int, int], _Page]
    right: Sequence[Any]
    is_indexed: bool = False

    def check(self, offset: int, limit: int = LIMIT) -> _Page:
        """Read a page and hold it against the truth."""
        page = self.read(offset, limit)
        where = f"{self.name} at {offset}"
        assert page.total == len(self.right), f"{where}: total {page.total} instead of {len(self.right)}"
        assert list(page.rows) == list(self.right[offset : offset + limit]), f"{where}: other rows"
        if not self.is_indexed:
            assert page.requests <= REQUESTS, f"{where}: {page.requests} requests"
        return page


def soak(seed: int) -> dict[str, Any]:
    """As `run`; raises AssertionError also for a far page that costs more than the first."""
    figures = run(seed, ROWS, lambda line: print(line, flush=True))
    assert figures["offset_cost_ratio"] <= COST_RATIO, figures
    return figures


def run(seed: int, rows: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Every list at its beginning, middle and end, and at random places; the costs of all of them.

    Raises AssertionError for a page that is not right.
    """
    chance = random.Random(seed)
    with loaded_table(rows, seed) as past:
        from bench.requests import Watch  # noqa: PLC0415 - its clients are made inside the mock

        watch = Watch()
        costs: dict[str, dict[str, dict[str, int]]] = {}
        lists = [*_lists(past, watch)]
        for each in lists:
            last = max(0, len(each.right) - LIMIT)
            places = {"first": 0, "middle": last // 2, "last": last}
            pages = {place: each.check(offset) for place, offset in places.items()}
            costs[each.name] = {
                place: {"items": page.items, "requests": page.requests} for place, page in pages.items()
            }
            told = ", ".join(f"{place} {page.items} in {page.requests}" for place, page in pages.items())
            tell(f"  {each.name}: items evaluated in requests: {told}")
        for _ in range(RANDOM_PAGES):
            chosen = chance.choice([each for each in lists if not each.is_indexed])
            chosen.check(chance.randrange(len(chosen.right) + LIMIT), chance.choice([1, 7, 1000]))
    ratio = _ratio(costs[each.name] for each in lists if not each.is_indexed)
    pages_read = 3 * len(lists) + RANDOM_PAGES
    return {
        "calls": rows,
        "usage": len(past.usage),
        "pages": pages_read,
        "offset_cost_ratio": round(ratio, 3),
        "costs": costs,
    }


def _ratio(costs: Any) -> float:
    """The dearest of middle and last over first, in items and requests."""
    ratios: list[float] = [
        cost[place][part] / cost["first"][part]
        for cost in costs
        for place in ("middle", "last")
        for part in ("items", "requests")
    ]
    return max(ratios)


def _ranges(past: "History") -> dict[str, tuple[datetime | None, datetime | None]]:
    """Filters by date: from or until a row's own moment, and the middle third."""
    third, two_thirds = (past.calls[len(past.calls) * n // 3].created_at for n in (1, 2))
    return {
        "all": (None, None),
        "since": (third, None),
        "until": (None, two_thirds),
        "between": (third, two_thirds),
    }


def _within(made: datetime, bounds: tuple[datetime | None, datetime | None]) -> bool:
    start, end = bounds
    return (start is None or made >= start) and (end is None or made <= end)


def _lists(past: "History", watch: "Watch") -> Iterator[_List]:
    yield from _calls(past, watch, "")
    yield from _usage(past, watch)
    # the index of a status is as those of assistants and directions, and moto takes half a minute to read this one
    yield from _calls(past, watch, "failed")


def _calls(past: "History", watch: "Watch", status: str) -> Iterator[_List]:
    from sovereign.calls.model import CallStatus  # noqa: PLC0415
    from sovereign.calls.store import CallFilters, CallStore  # noqa: PLC0415
    from sovereign.kernel.numbered_rows import TimeRange  # noqa: PLC0415
    from sovereign.kernel.table import Table  # noqa: PLC0415

    store, newest = CallStore(Table(TABLE)), past.calls[::-1]

    def reading(filters: CallFilters) -> Callable[[int, int], _Page]:
        def read(offset: int, limit: int) -> _Page:
            with watch.during() as seen:
                page = store.reading.page(ORGANIZATION, offset=offset, limit=limit, filters=filters)
            return _Page(page.total, [call.ref.call_id for call in page.calls], seen.items, len(seen.operations))

        return read

    wanted = CallStatus(status) if status else None
    for when, bounds in _ranges(past).items():
        right = [
            call.ref.call_id
            for call in newest
            if (wanted is None or call.status is wanted) and _within(call.created_at, bounds)
        ]
        filters = CallFilters(status=wanted, made=TimeRange(*bounds))
        yield _List(f"{status} calls, {when}".strip(), reading(filters), right, is_indexed=bool(status))


def _usage(past: "History", watch: "Watch") -> Iterator[_List]:
    from sovereign.kernel.numbered_rows import TimeRange  # noqa: PLC0415
    from sovereign.kernel.table import Table  # noqa: PLC0415
    from sovereign.usage.store import UsageStore  # noqa: PLC0415

    store, booked = UsageStore(Table(TABLE)), _booked(past)

    def reading(bounds: TimeRange, seconds: int) -> Callable[[int, int], _Page]:
        def read(offset: int, limit: int) -> _Page:
            with watch.during() as seen:
                page = store.page(ORGANIZATION, offset=offset, limit=limit, bounds=bounds)
            assert page.summary.total_seconds == seconds, f"usage: {page.summary.total_seconds} instead of {seconds} s"
            rows = [log.call_id for log in page.logs]
            return _Page(page.summary.total_calls, rows, seen.items, len(seen.operations))

        return read

    for when, bounds in _ranges(past).items():
        right = [(call_id, seconds) for call_id, made, seconds in booked if _within(made, bounds)]
        read = reading(TimeRange(*bounds), sum(seconds for _, seconds in right))
        yield _List(f"usage, {when}", read, [call_id for call_id, _ in right])


def _booked(past: "History") -> list[tuple[str, datetime, int]]:
    """Call, moment and seconds of each usage row, newest first; a row is never made before the one before it."""
    ended = {call.ref.call_id: call.ended_at for call in past.calls}
    rows: list[tuple[str, datetime, int]] = []
    for entry in past.usage:
        moment = ended[entry.call_id]
        assert moment is not None
        made = max(moment, rows[-1][1]) if rows else moment
        rows.append((entry.call_id, made, entry.duration_sec))
    return rows[::-1]
