"""Numbers without gaps, everything of a start in one transaction, the outbound limits."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from sovereign.calls import keys
from sovereign.calls.model import CallOutcome, EndReason
from sovereign.calls.store import CallFilters, CallStore, OutboundLoad
from sovereign.kernel.errors import DomainError
from sovereign.kernel.table import ConditionFailed, Put, Ref, Table, absent
from tests.component.calls.harness import ORG, OTHER_ORG, START, CountingTable, FakeClock, new_call, new_outbound

BUSY = CallOutcome(end_reason=EndReason.DIAL_BUSY)


def test_parallel_starts_from_several_processes_leave_no_gap(table: Table, clock: FakeClock) -> None:
    processes = [CallStore(table, clock) for _ in range(5)]
    with ThreadPoolExecutor(5) as pool:
        made = list(pool.map(lambda n: processes[n % 5].create(new_call()), range(20)))
    assert sorted(call.ref.number for call in made) == list(range(1, 21))
    page = processes[0].page(ORG, offset=0, limit=100, filters=CallFilters())
    assert page.total == 20
    assert [call.ref.number for call in page.calls] == list(range(20, 0, -1))


def test_numbers_are_per_organization(calls: CallStore) -> None:
    assert [calls.create(new_call(org_id=org)).ref.number for org in (ORG, OTHER_ORG, ORG)] == [1, 1, 2]


def test_created_at_never_goes_back(calls: CallStore, clock: FakeClock) -> None:
    first = calls.create(new_call())
    clock.now = START - timedelta(minutes=5)
    second = calls.create(new_call())
    assert first.created_at == second.created_at == START


def test_failing_extra_write_leaves_nothing_and_names_its_own_place(calls: CallStore, table: Table) -> None:
    taken = {"pk": "X", "sk": "2"}
    table.put(Put(taken))
    extra = [Put({"pk": "X", "sk": "1"}, absent), Put(taken, absent)]
    with pytest.raises(ConditionFailed) as failure:
        calls.create(new_call(ringing=True), extra_writes=extra, frozen_assistant={"a": 1})
    assert failure.value.index == 1
    assert table.get(Ref("X", "1")) is None
    assert table.get(keys.counter_ref(ORG)) is None
    assert calls.page(ORG, offset=0, limit=10, filters=CallFilters()).total == 0


def test_frozen_assistant_comes_back_exactly(calls: CallStore) -> None:
    frozen = {"llm_config": {"temperature": 0.1, "big": 10**30, "": None}, "text": "caf\u00e9 \U0001f600"}
    call = calls.create(new_call(), frozen_assistant=frozen)
    assert calls.load_frozen_assistant(call.ref) == frozen


class TooMuchError(DomainError):
    pass


def at_most(concurrent: int = 100, per_minute: int = 100) -> Callable[[OutboundLoad], None]:
    def check(load: OutboundLoad) -> None:
        if load.concurrent_calls >= concurrent or load.calls_this_minute >= per_minute:
            raise TooMuchError

    return check


def test_load_counts_running_outbound_calls_until_they_end(calls: CallStore) -> None:
    first = calls.create(new_outbound(), check_load=at_most(concurrent=2))
    calls.create(new_outbound(), check_load=at_most(concurrent=2))
    calls.create(new_call(ringing=True), node_id="n")
    with pytest.raises(TooMuchError):
        calls.create(new_outbound(), check_load=at_most(concurrent=2))
    calls.finish(first.ref, BUSY)
    calls.create(new_outbound(), check_load=at_most(concurrent=2))


def test_remembered_load_never_refuses_a_call(table: Table, clock: FakeClock) -> None:
    here, elsewhere = CallStore(table, clock), CallStore(table, clock)
    call = here.create(new_outbound(), check_load=at_most(concurrent=1))
    elsewhere.finish(call.ref, BUSY)
    here.create(new_outbound(), check_load=at_most(concurrent=1))


def test_load_counts_outbound_starts_of_the_unix_minute(calls: CallStore, clock: FakeClock) -> None:
    clock.advance(seconds=50)
    calls.create(new_outbound(), check_load=at_most(per_minute=2))
    calls.create(new_call())
    calls.create(new_outbound(), check_load=at_most(per_minute=2))
    with pytest.raises(TooMuchError):
        calls.create(new_outbound(), check_load=at_most(per_minute=2))
    clock.advance(seconds=10)
    calls.create(new_outbound(), check_load=at_most(per_minute=2))


def test_load_check_holds_under_parallel_starts(table: Table, clock: FakeClock) -> None:
    processes = [CallStore(table, clock) for _ in range(4)]

    def start(n: int) -> bool:
        try:
            processes[n % 4].create(new_outbound(), check_load=at_most(concurrent=5))
        except TooMuchError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(start, range(16))).count(True) == 5


def test_counter_that_was_read_along_saves_a_request(table: CountingTable, clock: FakeClock) -> None:
    CallStore(table, clock).create(new_call())
    counter = table.get(keys.counter_ref(ORG))
    before = table.requests
    assert CallStore(table, clock).create(new_call(), counter=counter).ref.number == 2
    assert table.requests - before == 1
