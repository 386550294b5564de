"""Where a moment falls among rows, against counting them."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sovereign.kernel.time_marks import Mark, mark_writes, marks_towards, until
from sovereign.kernel.writes import Ref

PK = "ORG#1#CALLS"
START = datetime(2026, 12, 31, 23, 59, 50, tzinfo=UTC)
STEPS = [0, 1, 999, 10_000, 61_000, 3_600_000, 86_400_000, 40 * 86_400_000]

gaps = st.lists(st.sampled_from(STEPS), max_size=25)
moments = st.builds(
    lambda milliseconds, microseconds: START + timedelta(milliseconds=milliseconds, microseconds=microseconds),
    st.one_of(st.integers(-1000, 100_000), st.sampled_from(STEPS), st.integers(-(10**9), 10**11)),
    st.sampled_from([0, 1, 999]),
)


def rows(steps: list[int]) -> list[datetime]:
    made, found = START, []
    for step in steps:
        made += timedelta(milliseconds=step)
        found.append(made)
    return found


def stored(made: list[datetime]) -> dict[Ref, dict[str, object]]:
    nodes: dict[Ref, dict[str, object]] = {}
    for number, moment in enumerate(made, start=1):
        for write in mark_writes(PK, moment, Mark(number, 7 * number)):
            nodes.setdefault(write.ref, {**write.ref._asdict()}).update(write.set)
    return nodes


@given(steps=gaps, moment=moments)
def test_mark_is_what_counting_says(steps: list[int], moment: datetime) -> None:
    made = rows(steps)
    nodes = stored(made)
    found = {ref: nodes[ref] for ref in marks_towards(PK, moment) if ref in nodes}
    here, before = sum(row <= moment for row in made), sum(row < moment for row in made)
    assert until(found, PK, moment) == Mark(here, 7 * here)
    assert until(found, PK, moment, included=False) == Mark(before, 7 * before)


def test_first_and_last_moments_there_are_have_a_mark() -> None:
    nodes = stored([START])
    for moment, number in ((datetime.min.replace(tzinfo=UTC), 0), (datetime.max.replace(tzinfo=UTC), 1)):
        assert until(dict(nodes), PK, moment, included=False).number == number


def test_way_to_a_moment_is_five_items_whatever_it_is() -> None:
    assert [ref.sk for ref in marks_towards(PK, datetime(2026, 11, 25, 13, 5, 21, tzinfo=UTC))] == [
        "MADE#", "MADE#2026-11", "MADE#2026-11-25", "MADE#2026-11-25T13:0", "MADE#2026-11-25T13:05:2",
    ]  # fmt: skip
