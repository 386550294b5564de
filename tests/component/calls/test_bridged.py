"""A call whose caller was bridged to a second leg: its last status comes before its end."""

import pytest

from sovereign.calls.model import Call, CallOutcome, EndReason
from sovereign.calls.store import CallStore
from sovereign.kernel.table import Table
from tests.component.calls.harness import ORG, FakeClock, new_call
from tests.component.calls.test_lifecycle import facts, live

DONE = {"destination": "+31201234567", "outcome": "succeeded"}
OVER = CallOutcome(end_reason=EndReason.TRANSFERRED, transfer=DONE)


@pytest.fixture
def bridged(calls: CallStore, clock: FakeClock) -> Call:
    call = calls.starts.create(new_call(ringing=True), node_id="node-1")
    calls.lifecycle.mark_answered(call.ref)
    clock.advance(seconds=30)
    assert calls.lifecycle.mark_transferred(call.ref, DONE)
    return call


def test_bridged_call_is_transferred_at_once_and_not_over(bridged: Call, calls: CallStore, table: Table) -> None:
    row = calls.reading.get(ORG, bridged.ref.call_id)
    assert (row.status, row.end_reason, row.transfer) == ("transferred", "transferred", DONE)
    assert (row.ended_at, row.duration_seconds, row.is_over) == (None, None, False)
    assert facts(table, bridged.ref)[-1]["fact"] == "call.transferred"
    assert live(table, "node-1") == [bridged.ref.call_id]
    assert not calls.lifecycle.write_report(bridged.ref)


def test_bridged_call_ends_and_is_billed_when_both_legs_are_gone(
    bridged: Call, calls: CallStore, clock: FakeClock, table: Table
) -> None:
    clock.advance(seconds=90)
    assert calls.lifecycle.finish(bridged.ref, OVER)
    row = calls.reading.get(ORG, bridged.ref.call_id)
    assert (row.status, row.duration_seconds, row.is_over) == ("transferred", 120, True)
    assert facts(table, bridged.ref)[-1]["fact"] == "call.ended"
    assert live(table, "node-1") == []
    assert not calls.lifecycle.finish(bridged.ref, OVER)
    assert calls.lifecycle.write_report(bridged.ref)


def test_bridged_call_of_a_lost_node_ends_as_what_it_was(bridged: Call, calls: CallStore, clock: FakeClock) -> None:
    clock.advance(seconds=20)
    assert calls.lifecycle.finish(bridged.ref, CallOutcome(end_reason=EndReason.NODE_LOST, error="lost"))
    row = calls.reading.get(ORG, bridged.ref.call_id)
    assert (row.status, row.end_reason, row.transfer, row.error) == ("transferred", "transferred", DONE, "lost")


def test_only_a_call_in_progress_can_be_bridged(calls: CallStore) -> None:
    call = calls.starts.create(new_call(ringing=True), node_id="node-1")
    assert not calls.lifecycle.mark_transferred(call.ref, DONE)
    calls.lifecycle.finish(call.ref, CallOutcome(end_reason=EndReason.USER_HANGUP))
    assert not calls.lifecycle.mark_transferred(call.ref, DONE)


def test_private_call_keeps_no_destination(calls: CallStore) -> None:
    call = calls.starts.create(new_call(ringing=True, private=True), node_id="node-1")
    calls.lifecycle.mark_answered(call.ref)
    calls.lifecycle.mark_transferred(call.ref, DONE)
    assert calls.rows.get(call.ref).transfer == {"outcome": "succeeded"}
    calls.lifecycle.finish(call.ref, OVER)
    assert calls.rows.get(call.ref).transfer == {"outcome": "succeeded"}
