"""Usage rows: gap-free, sums of any range as a difference."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sovereign.calls.model import CallOutcome, EndReason
from sovereign.calls.store import CallStore
from sovereign.kernel.errors import InvalidRequestError
from sovereign.kernel.numbered_rows import TimeRange
from sovereign.kernel.table import ConditionFailed, Table
from sovereign.usage.store import UsageStore, booking_writes, day_outbound_minutes, month_minutes, usage_counter_ref
from tests.component.calls.harness import ORG, OWN, START, FakeClock, new_call, new_outbound
from tests.component.usage.booking import book, used

HANGUP = CallOutcome(end_reason=EndReason.USER_HANGUP)


def test_finished_call_is_booked_with_its_flags(calls: CallStore, clock: FakeClock, table: Table) -> None:
    call = calls.starts.create(new_call(ringing=True), node_id="n")
    calls.lifecycle.mark_answered(call.ref, byok=["llm", "tts"])
    clock.advance(seconds=61)
    calls.lifecycle.finish(call.ref, HANGUP)
    (log,) = UsageStore(table).page(ORG, offset=0, limit=10, bounds=TimeRange()).logs
    assert (log.call_id, log.duration_sec, log.call_type) == (call.ref.call_id, 61, "phone")
    assert (log.phone_number, log.agent_name, log.business_name) == (OWN, "Reception", "Riverside")
    assert log.byok == {"llm", "tts"}
    assert month_minutes(table.get(usage_counter_ref(ORG)), clock()) == 2


def test_what_was_used_by_the_end_of_the_call_is_booked(calls: CallStore, table: Table) -> None:
    call = calls.starts.create(new_call(ringing=True), node_id="n")
    calls.lifecycle.mark_answered(call.ref, byok=["llm"])
    calls.lifecycle.finish(call.ref, replace(HANGUP, byok=frozenset({"llm", "tts"})))
    (log,) = UsageStore(table).page(ORG, offset=0, limit=10, bounds=TimeRange()).logs
    assert log.byok == {"llm", "tts"}
    assert calls.reading.get(ORG, call.ref.call_id).byok == {"llm", "tts"}


def test_web_call_is_booked_as_web(calls: CallStore, table: Table) -> None:
    call = calls.starts.create(new_call(direction="web", call_id="call-web-1", caller_phone=None, assistant_phone=None))
    calls.lifecycle.mark_answered(call.ref)
    calls.lifecycle.finish(call.ref, HANGUP)
    (log,) = UsageStore(table).page(ORG, offset=0, limit=10, bounds=TimeRange()).logs
    assert (log.call_type, log.phone_number, log.duration_sec) == ("web", None, 0)
    assert month_minutes(table.get(usage_counter_ref(ORG)), START) == 1


def test_parallel_ends_book_every_call_once_without_gaps(calls: CallStore, clock: FakeClock, table: Table) -> None:
    started = [calls.starts.create(new_call(ringing=True), node_id="n").ref for _ in range(8)]
    for ref in started:
        calls.lifecycle.mark_answered(ref)
    clock.advance(seconds=30)
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda ref: calls.lifecycle.finish(ref, HANGUP), started))
    page = UsageStore(table).page(ORG, offset=0, limit=100, bounds=TimeRange())
    assert {log.call_id for log in page.logs} == {ref.call_id for ref in started}
    assert (page.summary.total_calls, page.summary.total_seconds) == (8, 240)


def test_booking_on_a_moved_counter_fails(table: Table) -> None:
    stale = booking_writes(ORG, None, used(), START)
    book(table, used(), START)
    with pytest.raises(ConditionFailed) as failure:
        table.transact(stale)
    assert failure.value.index == 0


def test_minutes_of_month_and_day_start_over(table: Table, calls: CallStore, clock: FakeClock) -> None:
    for direction in (new_outbound(), new_call()):
        ref = calls.starts.create(direction).ref
        calls.lifecycle.mark_answered(ref)
        clock.advance(minutes=2)
        calls.lifecycle.finish(ref, HANGUP)
    counter = table.get(usage_counter_ref(ORG))
    assert (month_minutes(counter, clock()), day_outbound_minutes(counter, clock())) == (4, 2)
    next_day, next_month = datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    assert (month_minutes(counter, next_day), day_outbound_minutes(counter, next_day)) == (4, 0)
    assert month_minutes(counter, next_month) == 0


def test_clock_that_is_behind_at_midnight_does_not_undo_the_new_month(table: Table) -> None:
    midnight = datetime(2026, 12, 1, tzinfo=UTC)
    book(table, used(outbound=True), midnight)
    book(table, used(outbound=True), midnight - timedelta(milliseconds=200))
    counter = table.get(usage_counter_ref(ORG))
    assert (month_minutes(counter, midnight), day_outbound_minutes(counter, midnight)) == (2, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T21:00:00Z", START),
        ("2026-11-22T22:00:00+01:00", START),
        ("2026-11-22T21:00:00", START),
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=UTC)),
    ],
)
def test_date_parameter_is_read(text: str, expected: datetime) -> None:
    assert TimeRange.parse(text, None) == TimeRange(expected, None)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
def test_bad_date_parameter_is_named(text: str) -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        TimeRange.parse(text, text)
    assert [detail.split(":")[0] for detail in refusal.value.details] == ["start_date", "end_date"]
