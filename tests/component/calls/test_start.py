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
        made = list(pool.map(lambda n: processes[n % 5].starts.create(new_call()), range(20)))
    assert sorted(call.ref.number for call in made) == list(range(1, 21))
    page = processes[0].reading.page(ORG, offset=0, limit=100, filters=CallFilters())
    assert page.total == 20
    assert [call.ref.number for call in page.calls] == list(range(20, 0, -1))


def test_numbers_are_per_organization(calls: CallStore) -> None:
    assert [calls.starts.create(new_call(org_id=org)).ref.number for org in (ORG, OTHER_ORG, ORG)] == [1, 1, 2]


def test_created_at_never_goes_back(calls: CallStore, clock: FakeClock) -> None:
    first = calls.starts.create(new_call())
    clock.now = START - timedelta(minutes=5)
    second = calls.starts.create(new_call())
    assert first.created_at == second.created_at == START


def test_failing_extra_write_leaves_nothing_and_names_its_own_place(calls: CallStore, table: Table) -> None:
    taken = {"pk": "X", "sk": "2"}
    table.put(Put(taken))
    extra = [Put({"pk": "X", "sk": "1"}, absent), Put(taken, absent)]
    with pytest.raises(ConditionFailed) as failure:
        calls.starts.create(new_call(ringing=True), extra_writes=extra, frozen_assistant={"a": 1})
    assert failure.value.index == 1
    assert table.get(Ref("X", "1")) is None
    assert table.get(keys.counter_ref(ORG)) is None
    assert calls.reading.page(ORG, offset=0, limit=10, filters=CallFilters()).total == 0


def test_frozen_assistant_comes_back_exactly(calls: CallStore) -> None:
    frozen = {"llm_config": {"temperature": 0.1, "big": 10**30, "": None}, "text": "caf\u00e9 \U0001f600"}
    call = calls.starts.create(new_call(), frozen_assistant=frozen)
    assert calls.content.load_frozen_assistant(call.ref) == frozen


class TooMuchError(DomainError):
    pass


def at_most(concurrent: int = 100, per_minute: int = 100) -> Callable[[OutboundLoad], None]:
    def check(load: OutboundLoad) -> None:
        if load.concurrent_calls >= concurrent or load.calls_this_minute >= per_minute:
            raise TooMuchError

    return check


def test_load_counts_running_outbound_calls_until_they_end(calls: CallStore) -> None:
    first = calls.starts.create(new_outbound(), check_load=at_most(concurrent=2))
    calls.starts.create(new_outbound(), check_load=at_most(concurrent=2))
    calls.starts.create(new_call(ringing=True), node_id="n")
    with pytest.raises(TooMuchError):
        calls.starts.create(new_outbound(), check_load=at_most(concurrent=2))
    calls.lifecycle.finish(first.ref, BUSY)
    calls.starts.create(new_outbound(), check_load=at_most(concurrent=2))


def test_remembered_load_never_refuses_a_call(table: Table, clock: FakeClock) -> None:
    here, elsewhere = CallStore(table, clock), CallStore(table, clock)
    call = here.starts.create(new_outbound(), check_load=at_most(concurrent=1))
    elsewhere.lifecycle.finish(call.ref, BUSY)
    here.starts.create(new_outbound(), check_load=at_most(concurrent=1))


def test_load_counts_outbound_starts_of_the_unix_minute(calls: CallStore, clock: FakeClock) -> None:
    clock.advance(seconds=50)
    calls.starts.create(new_outbound(), check_load=at_most(per_minute=2))
    calls.starts.create(new_call())
    calls.starts.create(new_outbound(), check_load=at_most(per_minute=2))
    with pytest.raises(TooMuchError):
        calls.starts.create(new_outbound(), check_load=at_most(per_minute=2))
    clock.advance(seconds=10)
    calls.starts.create(new_outbound(), check_load=at_most(per_minute=2))


def test_load_check_holds_under_parallel_starts(table: Table, clock: FakeClock) -> None:
    processes = [CallStore(table, clock) for _ in range(4)]

    def start(n: int) -> bool:
        try:
            processes[n % 4].starts.create(new_outbound(), check_load=at_most(concurrent=5))
        except TooMuchError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(start, range(16))).count(True) == 5


def test_counter_that_was_read_along_saves_a_request(table: CountingTable, clock: FakeClock) -> None:
    CallStore(table, clock).starts.create(new_call())
    counter = table.get(keys.counter_ref(ORG))
    before = table.requests
    assert CallStore(table, clock).starts.create(new_call(), counter=counter).ref.number == 2
    assert table.requests - before == 1


def test_trunk_that_is_not_used_any_more_leaves_the_counter(table: Table, clock: FakeClock) -> None:
    store = CallStore(table, clock)
    over = store.starts.create(new_outbound(trunk_id="over"))
    up = store.starts.create(new_outbound(trunk_id="up"))
    store.lifecycle.finish(over.ref, BUSY)
    clock.advance(seconds=59)
    store.starts.create(new_outbound(trunk_id="other"))
    assert _trunk_attributes(table) == {"over": 0, "up": 1, "other": 1}
    clock.advance(seconds=2)
    CallStore(table, clock).starts.create(new_outbound(trunk_id="other"))
    assert _trunk_attributes(table) == {"up": 1, "other": 2}
    store.lifecycle.finish(up.ref, BUSY)
    assert _trunk_attributes(table) == {"up": 0, "other": 2}


def test_trunk_that_left_the_counter_counts_from_nothing(table: Table, clock: FakeClock) -> None:
    store, loads = CallStore(table, clock), list[OutboundLoad]()
    store.lifecycle.finish(store.starts.create(new_outbound(trunk_id="t")).ref, BUSY)
    clock.advance(minutes=2)
    CallStore(table, clock).starts.create(new_call())
    assert _trunk_attributes(table) == {}
    for _ in range(2):
        call = CallStore(table, clock).starts.create(new_outbound(trunk_id="t"), check_load=loads.append)
    assert [(load.trunk_calls, load.since_trunk_call) for load in loads] == [(0, None), (1, 0)]
    store.lifecycle.finish(call.ref, BUSY)
    assert _trunk_attributes(table) == {"t": 1}


def test_many_idle_trunks_leave_the_counter_a_few_at_a_time(table: Table, clock: FakeClock) -> None:
    store = CallStore(table, clock)
    for number in range(12):
        store.lifecycle.finish(store.starts.create(new_outbound(trunk_id=f"t{number}")).ref, BUSY)
    clock.advance(minutes=2)
    CallStore(table, clock).starts.create(new_call())
    assert len(_trunk_attributes(table)) == 2


def _trunk_attributes(table: Table) -> dict[str, int]:
    counter = table.get(keys.counter_ref(ORG)) or {}
    started = {name.split("_")[1] for name in counter if name.endswith("_started")}
    counts = {
        name.split("_")[1]: calls
        for name, calls in counter.items()
        if name.startswith("trunk_") and name.endswith("_calls")
    }
    assert counts.keys() == started
    return counts
