"""Pages against a brute-force oracle; their cost does not depend on the offset."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sovereign.calls.model import Call, CallOutcome, CallStatus, EndReason, Message
from sovereign.calls.store import CallFilters, CallStore
from sovereign.kernel.numbered_rows import TimeRange
from tests.component.calls.harness import (
    ORG,
    OTHER_ORG,
    START,
    CountingTable,
    FakeClock,
    ReversibleCipher,
    moto_table,
    new_call,
)

COUNT = 30
AGENTS = ("agent-1", "agent-2", "agent-3")
OUTCOMES = (EndReason.USER_HANGUP, EndReason.DIAL_BUSY, None)


@dataclass
class World:
    table: CountingTable
    calls: CallStore
    made: list[Call]
    """Newest first."""


@pytest.fixture(scope="module")
def world() -> "object":
    """Thirty calls; several share a millisecond, a few lie days apart."""
    patch = pytest.MonkeyPatch()
    with moto_table(patch) as table:
        clock = FakeClock()
        calls = CallStore(table, clock, cipher=ReversibleCipher())
        for n in range(COUNT):
            _make(calls, n)
            clock.advance(milliseconds=(0, 0, 1, 400, 90_000)[n % 5])
        calls.starts.create(new_call(org_id=OTHER_ORG))
        whole = calls.reading.page(ORG, offset=0, limit=1000, filters=CallFilters()).calls
        yield World(table, calls, whole)
    patch.undo()


def _make(calls: CallStore, n: int) -> None:
    direction = ("inbound", "outbound")[n % 7 == 0]
    call = calls.starts.create(new_call(agent_id=AGENTS[n % 4 % 3], direction=direction, ringing=n % 2 == 0))
    if n % 3 == 0:
        calls.content.append_messages(call.ref, 0, [Message("user", f"hello {n}")])
    if reason := OUTCOMES[n % 3]:
        calls.lifecycle.finish(call.ref, CallOutcome(end_reason=reason))
        calls.content.save_after_call(call.ref, summary=f"summary {n}")


def oracle(made: list[Call], filters: CallFilters) -> list[Call]:
    def fits(call: Call) -> bool:
        start, end = filters.made.start, filters.made.end
        return (
            (filters.status is None or call.status is filters.status)
            and (filters.agent_id is None or call.agent_id == filters.agent_id)
            and (filters.direction is None or call.direction == filters.direction)
            and (start is None or call.created_at >= start)
            and (end is None or call.created_at <= end)
        )

    return [call for call in made if fits(call)]


moments = st.none() | st.integers(-5, 40 * 90_000).map(lambda ms: START + timedelta(milliseconds=ms / 3))
filters_ = st.builds(
    CallFilters,
    status=st.none() | st.sampled_from(list(CallStatus)),
    agent_id=st.none() | st.sampled_from([*AGENTS, "unknown"]),
    direction=st.none() | st.sampled_from(["inbound", "outbound", "web"]),
    made=st.builds(TimeRange, moments, moments),
)


def test_whole_list_is_newest_first_with_its_content(world: World) -> None:
    assert [call.ref.number for call in world.made] == list(range(COUNT, 0, -1))
    first = world.made[-1]
    assert (first.messages, first.summary) == ([Message("user", "hello 0")], "summary 0")
    assert world.made[0].messages is None


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filters=filters_, offset=st.integers(0, 35), limit=st.integers(1, 12))
def test_page_is_what_the_oracle_says(world: World, filters: CallFilters, offset: int, limit: int) -> None:
    expected = oracle(world.made, filters)
    page = world.calls.reading.page(ORG, offset=offset, limit=limit, filters=filters)
    assert page.total == len(expected)
    assert page.calls == expected[offset : offset + limit]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(n=st.integers(0, COUNT - 1), side=st.sampled_from(["start", "end"]), shift=st.integers(-1500, 1500))
def test_bound_at_a_calls_own_moment_is_exact_to_the_microsecond(world: World, n: int, side: str, shift: int) -> None:
    moment: datetime = world.made[n].created_at + timedelta(microseconds=shift)
    filters = CallFilters(made=TimeRange(**{side: moment}))
    page = world.calls.reading.page(ORG, offset=0, limit=2, filters=filters)
    expected = oracle(world.made, filters)
    assert (page.total, page.calls) == (len(expected), expected[:2])


@pytest.mark.parametrize("offset", [0, 10, COUNT - 10, COUNT, 10**11])
def test_any_offset_costs_two_requests(world: World, offset: int) -> None:
    before = world.table.requests
    world.calls.reading.page(ORG, offset=offset, limit=10, filters=CallFilters())
    assert world.table.requests - before <= 2


BETWEEN = [(None, None), (3, None), (None, 3), (20, 3), (-1, COUNT), (3, 20)]


@pytest.mark.parametrize(("oldest", "newest"), BETWEEN)
def test_page_between_moments_costs_two_requests(world: World, oldest: int | None, newest: int | None) -> None:
    start, end = (None if n is None else START + timedelta(seconds=40 * n) for n in (oldest, newest))
    before = world.table.requests
    world.calls.reading.page(ORG, offset=1, limit=10, filters=CallFilters(made=TimeRange(start, end)))
    assert world.table.requests - before <= 2


@pytest.mark.parametrize("made", [TimeRange(), TimeRange(START, START + timedelta(days=1))])
def test_filtered_page_of_calls_that_lie_together_costs_two_requests(world: World, made: TimeRange) -> None:
    before = world.table.requests
    page = world.calls.reading.page(ORG, offset=2, limit=10, filters=CallFilters(status=CallStatus.ENDED, made=made))
    assert len(page.calls) > 5
    assert world.table.requests - before == 2


def test_get_costs_two_requests(world: World) -> None:
    before = world.table.requests
    assert world.calls.reading.get(ORG, world.made[5].ref.call_id) == world.made[5]
    assert world.table.requests - before == 2


def test_other_organizations_calls_are_not_there(world: World) -> None:
    other = world.calls.reading.page(OTHER_ORG, offset=0, limit=10, filters=CallFilters())
    assert other.total == 1
    assert world.calls.rows.find(OTHER_ORG, world.made[0].ref.call_id) is None
    assert world.calls.rows.find(ORG, other.calls[0].ref.call_id) is None


def test_organization_without_calls_has_an_empty_page(world: World) -> None:
    page = world.calls.reading.page("nobody", offset=0, limit=10, filters=CallFilters(made=TimeRange(START, START)))
    assert (page.calls, page.total) == ([], 0)
