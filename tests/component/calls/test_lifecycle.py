"""The life of a call: statuses, facts, the one end, the one report."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from sovereign.calls import keys
from sovereign.calls.errors import CallNotFoundError
from sovereign.calls.events import FACT_SHARDS, fact_detail, is_fact
from sovereign.calls.model import STATUS_OF_END_REASON, CallOutcome, CallRef, CallStatus, EndReason
from sovereign.calls.store import CallStore
from sovereign.kernel.table import Item, Table
from tests.component.calls.harness import ORG, START, FakeClock, ReversibleCipher, new_call, new_outbound

HANGUP = CallOutcome(end_reason=EndReason.USER_HANGUP)


def facts(table: Table, ref: CallRef) -> list[Item]:
    return list(table.query(keys.own_key(ref.org_id, ref.call_id), begins_with="FACT#"))


def live(table: Table, node_id: str) -> list[str]:
    return [item["call_id"] for item in table.query(keys.live_calls_key(node_id))]


def test_inbound_call_passes_every_status_with_one_fact_each(calls: CallStore, clock: FakeClock, table: Table) -> None:
    call = calls.starts.create(new_call(ringing=True), node_id="node-1")
    clock.advance(seconds=2)
    assert calls.lifecycle.mark_answered(call.ref, byok={"stt"})
    clock.advance(seconds=84, milliseconds=400)
    assert calls.lifecycle.finish(call.ref, HANGUP)
    assert calls.lifecycle.write_report(call.ref)

    ended = calls.reading.get(ORG, call.ref.call_id)
    assert (ended.status, ended.end_reason, ended.duration_seconds) == ("ended", "user_hangup", 84)
    assert ended.started_at == START + timedelta(seconds=2)
    assert ended.byok == {"stt"}
    stored = facts(table, call.ref)
    assert [(fact["fact"], fact["sequence"], fact["status"]) for fact in stored] == [
        ("call.ringing", 1, "ringing"),
        ("call.answered", 2, "in-progress"),
        ("call.ended", 3, "ended"),
        ("call.reported", 4, "ended"),
    ]
    assert all(is_fact(fact) and fact["due_shard"] in FACT_SHARDS for fact in stored)


def test_fact_detail_holds_ids_and_small_fields_only(calls: CallStore, table: Table) -> None:
    call = calls.starts.create(new_call(ringing=True, metadata={"note": "secret"}), node_id="node-1")
    assert fact_detail(facts(table, call.ref)[0]) == {
        "version": 1,
        "fact_id": f"{call.ref.call_id}.1",
        "org_id": ORG,
        "call_id": call.ref.call_id,
        "call_number": 1,
        "sequence": 1,
        "occurred_at": "2026-11-22T21:00:00.000Z",
        "status": "ringing",
        "end_reason": None,
        "direction": "inbound",
        "agent_id": "agent-1",
        "number_id": "number-1",
    }


@pytest.mark.parametrize("reason", list(EndReason))
def test_every_end_reason_leads_to_its_status(calls: CallStore, reason: EndReason) -> None:
    call = calls.starts.create(new_outbound())
    assert calls.lifecycle.finish(call.ref, CallOutcome(end_reason=reason, error="text"))
    ended = calls.rows.get(call.ref)
    assert ended.status is STATUS_OF_END_REASON[reason]
    assert ended.status.is_terminal
    assert (ended.duration_seconds, ended.started_at, ended.error) == (0, None, "text")


def test_end_reasons_of_the_contract_are_all_there() -> None:
    by_status = {
        status: {reason.value for reason, led in STATUS_OF_END_REASON.items() if led is status}
        for status in STATUS_OF_END_REASON.values()
    }
    assert by_status[CallStatus.REJECTED] == {
        "rejected_by_webhook", "no_assistant", "assistant_inactive", "no_capacity",
    }  # fmt: skip
    assert by_status[CallStatus.FAILED] == {
        "dial_busy", "dial_no_answer", "dial_rejected", "dial_failed", "destination_not_allowed", "caller_cancelled",
    }  # fmt: skip
    assert by_status[CallStatus.ENDED_WITH_ERROR] == {
        "provider_error", "media_lost", "node_lost", "shutdown", "mcp_unavailable",
    }  # fmt: skip
    assert by_status[CallStatus.TRANSFERRED] == {"transferred"}
    assert by_status[CallStatus.INSUFFICIENT_CREDITS] == {"insufficient_credits"}
    assert set(STATUS_OF_END_REASON) == set(EndReason)


def test_first_terminal_write_wins(calls: CallStore, table: Table) -> None:
    call = calls.starts.create(new_call(ringing=True), node_id="node-1")
    assert calls.lifecycle.finish(call.ref, CallOutcome(end_reason=EndReason.NODE_LOST))
    assert not calls.lifecycle.finish(call.ref, HANGUP)
    assert calls.rows.get(call.ref).end_reason is EndReason.NODE_LOST
    assert not calls.lifecycle.mark_answered(call.ref)
    assert not calls.lifecycle.mark_ringing(call.ref)
    assert [fact["fact"] for fact in facts(table, call.ref)] == ["call.ringing", "call.ended"]


def test_rival_ends_leave_one_end_one_usage_row_and_a_right_count(
    calls: CallStore, clock: FakeClock, table: Table
) -> None:
    call = calls.starts.create(new_call(ringing=True), node_id="node-1")
    calls.lifecycle.mark_answered(call.ref)
    clock.advance(seconds=30)
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda _: calls.lifecycle.finish(call.ref, HANGUP), range(8)))
    assert sorted(won) == [False] * 7 + [True]
    assert [fact["fact"] for fact in facts(table, call.ref)].count("call.ended") == 1
    assert len(list(table.query(f"ORG#{ORG}#USAGE", begins_with="0"))) == 1
    counter = table.get(keys.counter_ref(ORG))
    assert counter is not None
    assert counter["active_calls"] == 0


def test_report_is_written_exactly_once(calls: CallStore, table: Table) -> None:
    call = calls.starts.create(new_call(ringing=True), node_id="node-1")
    assert not calls.lifecycle.write_report(call.ref)
    calls.lifecycle.finish(call.ref, HANGUP)
    with ThreadPoolExecutor(6) as pool:
        wrote = list(pool.map(lambda _: calls.lifecycle.write_report(call.ref), range(6)))
    assert wrote.count(True) == 1
    assert [fact["fact"] for fact in facts(table, call.ref)].count("call.reported") == 1


def test_report_is_overdue_four_minutes_after_the_end_until_written(calls: CallStore, clock: FakeClock) -> None:
    first, second = (calls.starts.create(new_call(ringing=True), node_id="n") for _ in range(2))
    calls.lifecycle.finish(first.ref, HANGUP)
    calls.lifecycle.finish(second.ref, HANGUP)
    calls.lifecycle.write_report(second.ref)
    clock.advance(minutes=3, seconds=59)
    assert list(calls.lifecycle.overdue_reports()) == []
    clock.advance(seconds=1)
    assert list(calls.lifecycle.overdue_reports()) == [first.ref]
    calls.lifecycle.write_report(first.ref)
    assert list(calls.lifecycle.overdue_reports()) == []


def test_dial_is_claimed_by_exactly_one_node(calls: CallStore, table: Table) -> None:
    call = calls.starts.create(new_outbound())
    assert live(table, keys.UNCLAIMED) == [call.ref.call_id]
    with ThreadPoolExecutor(6) as pool:
        claims = list(pool.map(lambda n: calls.lifecycle.claim_dial(call.ref, f"node-{n}"), range(6)))
    assert claims.count(True) == 1
    winner = f"node-{claims.index(True)}"
    assert calls.rows.get(call.ref).node_id == winner
    assert live(table, keys.UNCLAIMED) == []
    assert live(table, winner) == [call.ref.call_id]
    assert not calls.lifecycle.claim_dial(call.ref, winner)
    assert calls.rows.get(call.ref).status is CallStatus.CONNECTING


def test_call_is_not_claimed_once_it_may_not_be_dialled_any_more(
    calls: CallStore, clock: FakeClock, table: Table
) -> None:
    in_time, late = (calls.starts.create(new_outbound(dial_before=clock() + timedelta(seconds=5))) for _ in range(2))
    clock.advance(seconds=4.999)
    assert calls.lifecycle.claim_dial(in_time.ref, "node-1")
    clock.advance(seconds=0.001)
    assert not calls.lifecycle.claim_dial(late.ref, "node-1")
    ended = calls.rows.get(late.ref)
    assert (ended.status, ended.end_reason, ended.unrung) == (CallStatus.FAILED, EndReason.DIAL_FAILED, True)
    assert live(table, keys.UNCLAIMED) == []


def test_claimed_call_is_not_ended_by_who_ends_unclaimed_ones_only(calls: CallStore) -> None:
    call = calls.starts.create(new_outbound())
    calls.lifecycle.claim_dial(call.ref, "node-1")
    assert not calls.lifecycle.finish(call.ref, CallOutcome(end_reason=EndReason.NO_CAPACITY), unclaimed_only=True)
    assert calls.rows.get(call.ref).status is CallStatus.CONNECTING


def test_ended_call_is_not_claimed(calls: CallStore, table: Table) -> None:
    call = calls.starts.create(new_outbound())
    calls.lifecycle.finish(call.ref, CallOutcome(end_reason=EndReason.NO_CAPACITY), unclaimed_only=True)
    assert not calls.lifecycle.claim_dial(call.ref, "node-1")
    assert live(table, keys.UNCLAIMED) == live(table, "node-1") == []


@pytest.mark.parametrize(
    ("claimed", "told", "unrung"), [(False, False, True), (True, False, False), (True, True, True)]
)
def test_row_says_whether_a_phone_can_have_rung(calls: CallStore, claimed: bool, told: bool, unrung: bool) -> None:
    call = calls.starts.create(new_outbound())
    if claimed:
        calls.lifecycle.claim_dial(call.ref, "node-1")
    calls.lifecycle.finish(call.ref, CallOutcome(end_reason=EndReason.SHUTDOWN, unrung=told))
    assert calls.rows.get(call.ref).unrung is unrung


def test_outbound_call_rings_and_answers_once(calls: CallStore) -> None:
    call = calls.starts.create(new_outbound())
    calls.lifecycle.claim_dial(call.ref, "node-1")
    assert calls.lifecycle.mark_ringing(call.ref)
    assert not calls.lifecycle.mark_ringing(call.ref)
    assert calls.lifecycle.mark_answered(call.ref)
    assert not calls.lifecycle.mark_answered(call.ref)
    assert calls.rows.get(call.ref).sequence == 2


def test_announcement_to_a_rejected_caller_is_unbilled(calls: CallStore, clock: FakeClock, table: Table) -> None:
    call = calls.starts.create(new_call(ringing=True), node_id="n")
    calls.lifecycle.mark_answered(call.ref)
    clock.advance(seconds=9)
    calls.lifecycle.finish(call.ref, CallOutcome(end_reason=EndReason.REJECTED_BY_WEBHOOK))
    assert list(table.query(f"ORG#{ORG}#USAGE")) == []


def test_end_in_the_past_bills_until_then_and_never_less_than_nothing(calls: CallStore, clock: FakeClock) -> None:
    call = calls.starts.create(new_call(ringing=True), node_id="n")
    clock.advance(seconds=5)
    calls.lifecycle.mark_answered(call.ref)
    lost = CallOutcome(end_reason=EndReason.NODE_LOST, ended_at=START)
    clock.advance(seconds=100)
    calls.lifecycle.finish(call.ref, lost)
    ended = calls.rows.get(call.ref)
    assert (ended.ended_at, ended.duration_seconds) == (START + timedelta(seconds=5), 0)


def test_unknown_call_is_not_found(calls: CallStore) -> None:
    unknown = CallRef(ORG, "call-inbound-unknown00000", 7)
    for act in (
        calls.rows.get,
        calls.content.load_whole,
        calls.lifecycle.write_report,
        calls.content.load_frozen_assistant,
    ):
        with pytest.raises(CallNotFoundError):
            act(unknown)
    with pytest.raises(CallNotFoundError):
        calls.reading.get(ORG, unknown.call_id)


def test_request_counts_of_the_media_path_stay_small(table: Table, clock: FakeClock) -> None:
    calls = CallStore(table, clock, cipher=ReversibleCipher())
    calls.starts.create(new_call(ringing=True), node_id="n")
    before = table.requests  # type: ignore[attr-defined]
    call = calls.starts.create(new_call(ringing=True), node_id="n")
    assert table.requests - before == 1  # type: ignore[attr-defined]
    calls.lifecycle.mark_answered(call.ref)
    calls.lifecycle.finish(call.ref, HANGUP)
    assert table.requests - before == 5  # type: ignore[attr-defined]
