"""What no node will end any more is ended once, billed to the last heartbeat."""

from datetime import timedelta

import pytest

from functions.reap_lost_calls import handler
from functions.reap_lost_calls.reaper import Reaped, Reaper
from sovereign.calls import keys
from sovereign.calls.lifecycle import CallLifecycle
from sovereign.calls.live import LiveCall, LiveCalls
from sovereign.calls.model import CallOutcome, CallRef, EndReason
from sovereign.calls.store import CallStore
from sovereign.kernel.errors import UnavailableError
from sovereign.kernel.numbered_rows import TimeRange
from sovereign.kernel.table import Put, Table, Update
from sovereign.nodes.model import FORGOTTEN_AFTER, LOST_AFTER, Node, NodeState
from sovereign.nodes.store import NodeStore
from sovereign.usage.store import UsageStore
from tests.component.calls.harness import ORG, START, FakeClock, new_call, new_outbound

NOTHING = Reaped(calls=0, nodes=0)


@pytest.fixture
def nodes(table: Table, clock: FakeClock) -> NodeStore:
    store = NodeStore(table, clock)
    for name in ("dead", "alive"):
        store.register(
            Node(
                node_id=name,
                control_address="h:1",
                certificate_pem="P",
                heartbeat_at=START,
                started_at=START,
                capacity=5,
            )
        )
    return store


@pytest.fixture
def reaper(table: Table, clock: FakeClock, calls: CallStore, nodes: NodeStore) -> Reaper:
    return Reaper(calls, LiveCalls(table), nodes, clock)


def keep_alive(nodes: NodeStore) -> None:
    nodes.heartbeat("alive", active_calls=1, state=NodeState.ACCEPTING)


def test_calls_of_a_dead_node_end_billed_to_its_last_heartbeat(
    reaper: Reaper, calls: CallStore, nodes: NodeStore, clock: FakeClock, table: Table
) -> None:
    lost = calls.starts.create(new_call(ringing=True), node_id="dead")
    kept = calls.starts.create(new_call(ringing=True), node_id="alive")
    ringing = calls.starts.create(new_call(ringing=True), node_id="dead")
    calls.lifecycle.mark_answered(lost.ref)
    clock.advance(seconds=45)
    nodes.heartbeat("dead", active_calls=2, state=NodeState.ACCEPTING)
    clock.advance(seconds=90)
    keep_alive(nodes)
    assert reaper.run() == NOTHING
    clock.advance(seconds=1)
    assert reaper.run() == Reaped(calls=2, nodes=0)

    ended = calls.rows.get(lost.ref)
    assert (ended.status, ended.end_reason, ended.duration_seconds) == ("ended-with-error", "node_lost", 45)
    assert ended.ended_at == START + timedelta(seconds=45)
    assert calls.rows.get(ringing.ref).end_reason is EndReason.NODE_LOST
    assert calls.rows.get(kept.ref).end_reason is None
    assert UsageStore(table).page(ORG, offset=0, limit=9, bounds=TimeRange()).summary.total_seconds == 45
    assert reaper.run() == NOTHING


def test_call_that_reaches_a_dead_node_late_is_ended_before_the_node_is_forgotten(
    reaper: Reaper, calls: CallStore, nodes: NodeStore, clock: FakeClock
) -> None:
    clock.advance(seconds=91)
    keep_alive(nodes)
    assert reaper.run() == NOTHING
    late = calls.starts.create(new_call(ringing=True), node_id="dead")
    clock.advance(minutes=1)
    keep_alive(nodes)
    assert reaper.run() == Reaped(calls=1, nodes=0)
    assert calls.rows.get(late.ref).end_reason is EndReason.NODE_LOST
    clock.now = START + FORGOTTEN_AFTER
    keep_alive(nodes)
    assert reaper.run() == NOTHING
    clock.advance(seconds=1)
    assert reaper.run() == Reaped(calls=0, nodes=1)
    assert [node.node_id for node in nodes.all()] == ["alive"]


def test_killed_node_has_its_calls_ended_within_three_minutes() -> None:
    assert LOST_AFTER + timedelta(minutes=1) < timedelta(minutes=3)


def test_call_that_no_node_may_claim_any_more_is_not_waited_for(
    reaper: Reaper, calls: CallStore, nodes: NodeStore, clock: FakeClock
) -> None:
    dropped = calls.starts.create(new_outbound(dial_before=clock() + timedelta(seconds=5)))
    clock.advance(seconds=5)
    assert reaper.run() == NOTHING
    clock.advance(seconds=1)
    assert reaper.run() == Reaped(calls=1, nodes=0)
    ended = calls.rows.get(dropped.ref)
    assert (ended.end_reason, ended.unrung) == (EndReason.DIAL_FAILED, True)


def test_call_no_node_claimed_fails_after_two_minutes(
    reaper: Reaper, calls: CallStore, nodes: NodeStore, clock: FakeClock
) -> None:
    waiting = calls.starts.create(new_outbound())
    claimed = calls.starts.create(new_outbound())
    calls.lifecycle.claim_dial(claimed.ref, "alive")
    clock.advance(minutes=2)
    keep_alive(nodes)
    assert reaper.run().calls == 0
    clock.advance(seconds=1)
    assert reaper.run().calls == 1
    ended = calls.rows.get(waiting.ref)
    assert (ended.status, ended.end_reason) == ("failed", "dial_failed")
    assert calls.rows.get(claimed.ref).end_reason is None
    assert reaper.run().calls == 0


def test_stopped_node_without_calls_is_removed_quietly(reaper: Reaper, nodes: NodeStore, clock: FakeClock) -> None:
    nodes.mark_stopped("dead")
    clock.now = START + FORGOTTEN_AFTER + timedelta(seconds=1)
    keep_alive(nodes)
    assert reaper.run() == Reaped(calls=0, nodes=1)


def test_item_that_outlived_its_call_is_dropped(
    reaper: Reaper, calls: CallStore, nodes: NodeStore, clock: FakeClock, table: Table
) -> None:
    ended = calls.starts.create(new_call(ringing=True), node_id="dead")
    calls.lifecycle.finish(ended.ref, CallOutcome(end_reason=EndReason.USER_HANGUP))
    for ref in (ended.ref, CallRef(ORG, "call-never-there", 99)):
        pk, sk = keys.live_call_ref("dead", ref)
        table.put(Put({"pk": pk, "sk": sk, **ref._asdict(), "since": "2026-11-22T21:00:00.000Z"}))
    clock.now = START + FORGOTTEN_AFTER + timedelta(seconds=1)
    keep_alive(nodes)
    assert reaper.run() == Reaped(calls=0, nodes=1)
    assert list(LiveCalls(table).of_node("dead")) == []


def test_call_that_cannot_be_ended_now_stops_neither_the_others_nor_forgets_the_node(
    reaper: Reaper, calls: CallStore, nodes: NodeStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = [calls.starts.create(new_call(ringing=True), node_id="dead").ref for _ in range(2)]
    clock.now = START + FORGOTTEN_AFTER + timedelta(seconds=1)
    keep_alive(nodes)
    real = CallLifecycle.finish

    def busy(self: CallLifecycle, ref: CallRef, *args: object, **kwargs: object) -> bool:
        if ref == refs[0]:
            raise UnavailableError
        return real(self, ref, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(CallLifecycle, "finish", busy)
    assert reaper.run() == Reaped(calls=1, nodes=0)
    monkeypatch.undo()
    assert [node.node_id for node in nodes.all()] == ["alive", "dead"]


def test_row_nobody_can_read_stops_no_other_call_and_is_reported(
    reaper: Reaper, calls: CallStore, nodes: NodeStore, clock: FakeClock, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = [calls.starts.create(new_outbound()).ref for _ in range(2)]
    carried = [calls.starts.create(new_call(ringing=True), node_id="dead").ref for _ in range(2)]
    waiting.sort(key=lambda ref: ref.call_id)
    carried.sort(key=lambda ref: ref.call_id)
    for ref in (waiting[0], carried[0]):  # the first ones read; as a deployment that was rolled back can leave them
        table.update(Update(keys.row_ref(ref), set={"status": "of-a-newer-deployment"}))
    clock.advance(minutes=2, seconds=1)
    keep_alive(nodes)
    monkeypatch.setattr(handler, "_reaper", lambda: reaper)
    with pytest.raises(handler.UnfinishedError):
        handler.handler({}, None)
    assert calls.rows.get(waiting[1]).end_reason is EndReason.DIAL_FAILED
    assert calls.rows.get(carried[1]).end_reason is EndReason.NODE_LOST
    assert [node.node_id for node in nodes.all()] == ["alive", "dead"]
    assert reaper.run() == Reaped(failed=2)


def test_live_calls_name_node_and_time(calls: CallStore, table: Table) -> None:
    call = calls.starts.create(new_call(ringing=True), node_id="n")
    assert list(LiveCalls(table).of_node("n")) == [LiveCall(call.ref, "n", START)]
    assert list(LiveCalls(table).waiting()) == []
