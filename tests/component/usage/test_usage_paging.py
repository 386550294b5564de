"""Usage pages and sums against adding up."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sovereign.kernel.numbered_rows import TimeRange
from sovereign.usage.model import UsageLog
from sovereign.usage.store import UsageStore
from tests.component.calls.harness import ORG, START, CountingTable, moto_table
from tests.component.usage.booking import book, used

COUNT = 25


@dataclass
class World:
    table: CountingTable
    usage: UsageStore
    logs: list[UsageLog]


@pytest.fixture(scope="module")
def world() -> "object":
    patch = pytest.MonkeyPatch()
    with moto_table(patch) as table:
        for n in range(COUNT):
            book(table, used(n * 7), START + timedelta(minutes=n // 2))
        usage = UsageStore(table)
        yield World(table, usage, usage.page(ORG, offset=0, limit=1000, bounds=TimeRange()).logs)
    patch.undo()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.none() | st.integers(-1, COUNT),
    end=st.none() | st.integers(-1, COUNT),
    offset=st.integers(0, COUNT + 2),
    limit=st.integers(1, COUNT + 2),
)
def test_page_and_sums_are_what_adding_up_says(
    world: World, start: int | None, end: int | None, offset: int, limit: int
) -> None:
    first, last = (None if n is None else START + timedelta(seconds=30 * n) for n in (start, end))
    fitting = [
        log
        for log in world.logs
        if (first is None or log.created_at >= first) and (last is None or log.created_at <= last)
    ]
    page = world.usage.page(ORG, offset=offset, limit=limit, bounds=TimeRange(first, last))
    assert page.logs == fitting[offset : offset + limit]
    assert page.summary.total_calls == len(fitting)
    assert page.summary.total_seconds == sum(log.duration_sec for log in fitting)


@pytest.mark.parametrize("offset", [0, 20, 1000])
@pytest.mark.parametrize(("start", "end"), [(None, None), (2, None), (None, 4), (2, 4), (4, 2)])
def test_page_costs_two_requests(world: World, offset: int, start: int | None, end: int | None) -> None:
    first, last = (None if n is None else START + timedelta(minutes=n) for n in (start, end))
    before = world.table.requests
    world.usage.page(ORG, offset=offset, limit=3, bounds=TimeRange(first, last))
    assert world.table.requests - before <= 2
