"""The balance moves only with the ledger, and no minute is spent twice."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from sovereign.calls.model import Call, CallOutcome, EndReason
from sovereign.calls.store import CallStore
from sovereign.credits.store import CreditStore
from sovereign.kernel.errors import InsufficientCreditsError
from sovereign.kernel.table import Put, Ref, Table
from tests.component.calls.harness import ORG, FakeClock, new_call

PAYER = "33333333-3333-4333-8333-333333333333"
BALANCE = Ref(f"ORG#{PAYER}", "ORGANIZATION")
HANGUP = CallOutcome(end_reason=EndReason.USER_HANGUP)


@pytest.fixture
def credits_(table: Table, clock: FakeClock) -> CreditStore:
    table.put(Put({"pk": BALANCE.pk, "sk": BALANCE.sk, "minutes_balance": 5}))
    return CreditStore(table, clock)


def balance(table: Table) -> int:
    item = table.get(BALANCE)
    assert item is not None
    ledger = sum(entry["minutes"] for entry in table.query(f"ORG#{PAYER}#LEDGER"))
    assert item["minutes_balance"] == 5 + ledger
    return int(item["minutes_balance"])


def answered(calls: CallStore) -> Call:
    call = calls.starts.create(new_call(ringing=True), node_id="n")
    calls.lifecycle.mark_answered(call.ref)
    return call


def test_reservation_takes_two_minutes_once(credits_: CreditStore, table: Table) -> None:
    credits_.reserve(PAYER, ORG, "call-1")
    credits_.reserve(PAYER, ORG, "call-1")
    assert balance(table) == 3


def test_reservation_beyond_the_balance_is_refused(credits_: CreditStore, table: Table) -> None:
    credits_.reserve(PAYER, ORG, "call-1")
    credits_.reserve(PAYER, ORG, "call-2")
    with pytest.raises(InsufficientCreditsError):
        credits_.reserve(PAYER, ORG, "call-3")
    assert balance(table) == 1


def test_organization_without_a_balance_can_reserve_nothing(credits_: CreditStore) -> None:
    with pytest.raises(InsufficientCreditsError):
        credits_.reserve("nobody", ORG, "call-1")


def test_parallel_reservations_never_overspend(credits_: CreditStore, table: Table) -> None:
    def reserve(n: int) -> bool:
        try:
            credits_.reserve(PAYER, ORG, f"call-{n}")
        except InsufficientCreditsError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(reserve, range(6))).count(True) == 2
    assert balance(table) == 1


def test_extension_covers_started_minutes_until_the_balance_is_gone(credits_: CreditStore, table: Table) -> None:
    credits_.reserve(PAYER, ORG, "call-1")
    assert credits_.extend(ORG, "call-1", minutes=2)
    assert balance(table) == 3
    assert credits_.extend(ORG, "call-1", minutes=4)
    assert credits_.extend(ORG, "call-1", minutes=4)
    assert balance(table) == 1
    assert credits_.extend(ORG, "call-1", minutes=5)
    assert not credits_.extend(ORG, "call-1", minutes=6)
    assert balance(table) == 0


def test_call_of_an_unlimited_organization_is_always_covered(credits_: CreditStore, table: Table) -> None:
    assert credits_.extend(ORG, "call-unmetered", minutes=100)
    credits_.release(ORG, "call-unmetered")
    assert balance(table) == 5


@pytest.mark.parametrize(("seconds", "billed"), [(0, 1), (1, 1), (60, 1), (60.001, 2), (119, 2), (150, 3)])
def test_end_settles_started_minutes(
    credits_: CreditStore, calls: CallStore, clock: FakeClock, table: Table, seconds: float, billed: int
) -> None:
    call = answered(calls)
    credits_.reserve(PAYER, ORG, call.ref.call_id)
    clock.advance(seconds=seconds)
    calls.lifecycle.finish(call.ref, HANGUP)
    assert balance(table) == 5 - billed
    assert not credits_.extend(ORG, call.ref.call_id, minutes=9)
    credits_.release(ORG, call.ref.call_id)
    assert balance(table) == 5 - billed


def test_call_that_was_never_answered_gets_everything_back(
    credits_: CreditStore, calls: CallStore, table: Table
) -> None:
    call = calls.starts.create(new_call(ringing=True), node_id="n")
    credits_.reserve(PAYER, ORG, call.ref.call_id)
    calls.lifecycle.finish(call.ref, CallOutcome(end_reason=EndReason.CALLER_CANCELLED))
    assert balance(table) == 5


def test_release_gives_back_once(credits_: CreditStore, table: Table) -> None:
    credits_.reserve(PAYER, ORG, "call-1")
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: credits_.release(ORG, "call-1"), range(3)))
    assert balance(table) == 5


def test_reservation_made_with_the_call_commits_with_it(credits_: CreditStore, calls: CallStore, table: Table) -> None:
    call = new_call()
    calls.starts.create(call, extra_writes=credits_.reserve_writes(PAYER, ORG, call.call_id))
    assert balance(table) == 3


@pytest.mark.parametrize(("talked", "billed"), [(170, 3), (65, 2), (20, 1)])
def test_minutes_of_a_lost_node_are_corrected_once_when_it_comes_back(
    credits_: CreditStore, calls: CallStore, clock: FakeClock, table: Table, talked: int, billed: int
) -> None:
    call = answered(calls)
    credits_.reserve(PAYER, ORG, call.ref.call_id)
    answered_at = clock()
    clock.advance(seconds=200)
    lost = CallOutcome(end_reason=EndReason.NODE_LOST, ended_at=answered_at + timedelta(seconds=65))
    assert calls.lifecycle.finish(call.ref, lost)
    before = balance(table)
    row = calls.rows.get(call.ref)
    real = CallOutcome(end_reason=EndReason.SHUTDOWN, ended_at=answered_at + timedelta(seconds=talked))
    later = replace(real, ended_at=answered_at + timedelta(seconds=900))
    for outcome in (lost, real, real, later):
        assert not calls.lifecycle.finish(call.ref, outcome)
    assert balance(table) == before + 2 - billed
    assert calls.rows.get(call.ref) == row
    kinds = [entry["kind"] for entry in table.query(f"ORG#{PAYER}#LEDGER")]
    assert kinds.count("correct") == int(billed != 2)


def test_end_that_was_known_is_not_corrected(
    credits_: CreditStore, calls: CallStore, clock: FakeClock, table: Table
) -> None:
    call = answered(calls)
    credits_.reserve(PAYER, ORG, call.ref.call_id)
    calls.lifecycle.finish(call.ref, CallOutcome(end_reason=EndReason.USER_HANGUP, ended_at=clock()))
    before = balance(table)
    clock.advance(seconds=300)
    assert not calls.lifecycle.finish(call.ref, CallOutcome(end_reason=EndReason.SHUTDOWN, ended_at=clock()))
    assert balance(table) == before
