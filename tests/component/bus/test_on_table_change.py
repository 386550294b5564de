import json
from collections.abc import Sequence
from typing import Any

import pytest

from functions.on_table_change.publisher import FactPublisher, FailedRecords
from functions.on_table_change.stream import publish_records
from functions.on_table_change.sweep import OVERDUE, Sweep
from sovereign.calls import keys
from sovereign.kernel import aws
from sovereign.kernel.bus import Event
from sovereign.kernel.table import Item, Put, to_attributes
from sovereign.notifications.queue import NotificationQueue, due_mail_from
from sovereign.notifications.store import DueMail, NotificationStore
from sovereign.retention.register import RetentionRegister
from sovereign.webhooks.endpoints import DISABLED_AFTER, WEBHOOK_DISABLED
from sovereign.webhooks.queue import QueuedAttempt
from tests.component.calls.harness import ORG
from tests.component.webhooks.world import URL, World


class StandInBus:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.down = False

    def publish(self, events: Sequence[Event]) -> list[bool]:
        if not self.down:
            self.events += events
        return [not self.down] * len(events)


class Reader:
    def __init__(self, world: World) -> None:
        self.bus = StandInBus()
        self.failed_url = aws.client("sqs").create_queue(QueueName="failed")["QueueUrl"]
        self.failed = FailedRecords(self.failed_url)
        self.mails_url = aws.client("sqs").create_queue(QueueName="mails")["QueueUrl"]
        self.notifications = NotificationStore(world.table, world.clock)
        self.publisher = FactPublisher(
            world.table,
            self.bus,  # type: ignore[arg-type]
            self.failed,
            RetentionRegister(world.table),
        )
        self.sweep = Sweep(
            table=world.table,
            publisher=self.publisher,
            deliveries=world.deliveries,
            queue=world.queue,
            calls=world.calls,
            notifications=self.notifications,
            notification_queue=NotificationQueue(self.mails_url),
            clock=world.clock,
        )

    def read(self, *records: dict[str, Any]) -> None:
        publish_records(records, self.publisher, self.failed)

    def mails(self) -> list[DueMail | None]:
        answer = aws.client("sqs").receive_message(QueueUrl=self.mails_url, MaxNumberOfMessages=10)
        return [due_mail_from(json.loads(message["Body"])) for message in answer.get("Messages", [])]

    def kept(self) -> list[dict[str, Any]]:
        answer = aws.client("sqs").receive_message(QueueUrl=self.failed_url, MaxNumberOfMessages=10)
        return [json.loads(m["Body"]) for m in answer.get("Messages", [])]


@pytest.fixture
def reader(world: World) -> Reader:
    return Reader(world)


def record(item: Item, old: Item | None = None) -> dict[str, Any]:
    change = {"Keys": {"pk": {"S": item["pk"]}, "sk": {"S": item["sk"]}}, "NewImage": to_attributes(item)}
    if old is not None:
        change["OldImage"] = to_attributes(old)
    return {"eventID": "e1", "eventName": "MODIFY" if old else "INSERT", "dynamodb": change}


def fact_item(world: World, ref: Any, sequence: int = 1) -> Item:
    item = world.table.get(keys.fact_ref(ref, sequence))
    assert item is not None
    return item


def test_a_new_fact_is_published_and_its_mark_cleared(world: World, reader: Reader) -> None:
    ref = world.start_call()
    reader.read(record(fact_item(world, ref)))
    [event] = reader.bus.events
    assert (event.source, event.detail_type) == ("sovereign.calls", "call.ringing")
    assert event.detail == {
        "version": 1,
        "fact_id": f"{ref.call_id}.1",
        "org_id": ORG,
        "call_id": ref.call_id,
        "call_number": ref.number,
        "sequence": 1,
        "occurred_at": "2026-11-22T21:00:00.000Z",
        "status": "ringing",
        "end_reason": None,
        "direction": "inbound",
        "agent_id": "agent-1",
        "number_id": "number-1",
    }
    assert "due_shard" not in fact_item(world, ref)


def test_later_changes_of_a_fact_and_other_marks_are_not_published(world: World, reader: Reader) -> None:
    ref = world.start_call()
    item = fact_item(world, ref)
    reader.read(record(item | {"follower": "x"}, old=item))
    report_mark = {"pk": "p", "sk": "000000000001", "due_shard": "REPORT#1", "due_at": "2026"}
    reader.read(record(report_mark), {"eventID": "e2", "eventName": "REMOVE", "dynamodb": {"Keys": {}}})
    assert reader.bus.events == []
    assert reader.kept() == []


def test_an_unreadable_record_is_kept_and_stops_no_other(world: World, reader: Reader) -> None:
    ref = world.start_call()
    broken = {"pk": "ORG#x#CALL#y", "sk": "FACT#000001", "fact": "call.ended", "due_shard": "FACT#0", "due_at": "2026"}
    world.table.put(Put(broken))
    nonsense = {"eventID": "e3", "dynamodb": {"NewImage": {"due_shard": {"S": "FACT#0"}, "pk": {"Q": "?"}}}}
    reader.read(nonsense, record(broken), record(fact_item(world, ref)), {"eventID": "e4"})
    assert [event.detail["call_id"] for event in reader.bus.events] == [ref.call_id]
    assert len(reader.kept()) == 3
    reader.sweep.publish_facts()
    assert len(reader.kept()) == 0


def test_what_the_bus_does_not_take_stays_for_the_sweep(world: World, reader: Reader) -> None:
    ref = world.start_call()
    reader.bus.down = True
    reader.read(record(fact_item(world, ref)))
    reader.bus.down = False
    reader.sweep.run(lambda: 50.0)
    assert reader.bus.events == []
    world.clock.advance(seconds=11)
    reader.sweep.run(lambda: 50.0)
    reader.sweep.run(lambda: 50.0)
    assert [event.detail["fact_id"] for event in reader.bus.events] == [f"{ref.call_id}.1"]


def test_a_published_fact_registers_its_organization_for_retention(world: World, reader: Reader) -> None:
    reader.read(record(fact_item(world, world.start_call())))
    assert [p.org_id for p in RetentionRegister(world.table).organizations()] == [ORG]


def test_due_attempts_are_queued_once(world: World, reader: Reader) -> None:
    ref = world.start_call()
    world.sender.statuses = [500, 500, 500]
    world.deliverer.deliver_fact(world.fact(ref, 1))
    for _ in range(2):
        world.clock.advance(minutes=6)
        world.run_queue()
    delivery = world.delivery(ref, 1)
    assert (delivery.attempt_count, world.queue.waiting) == (3, [])
    reader.sweep.queue_attempts()
    assert world.queue.waiting == []
    world.clock.advance(minutes=34)
    reader.sweep.queue_attempts()
    reader.sweep.queue_attempts()
    assert [queued for _, queued in world.queue.waiting] == [QueuedAttempt(delivery.ref, 3)]
    world.run_queue()
    assert world.delivery(ref, 1).status == "delivered"


def test_an_attempt_whose_message_was_lost_is_queued_again(world: World, reader: Reader) -> None:
    ref = world.start_call()
    world.sender.statuses = [500]
    world.deliverer.deliver_fact(world.fact(ref, 1))
    world.queue.waiting.clear()
    world.clock.advance(minutes=3)
    reader.sweep.queue_attempts()
    world.run_queue()
    assert world.delivery(ref, 1).status == "delivered"


def test_an_overdue_report_is_written_with_its_reason(world: World, reader: Reader) -> None:
    ref = world.start_call()
    world.end_call(ref)
    world.clock.advance(minutes=3, seconds=50)
    reader.sweep.write_reports()
    assert not world.calls.rows.get(ref).reported
    world.clock.advance(seconds=20)
    reader.sweep.write_reports()
    reader.sweep.write_reports()
    call = world.calls.content.load_whole(ref)
    assert (call.reported, call.summary, call.analysis_error) == (True, "", OVERDUE)
    assert world.order.load(ref, 5) is None


def test_an_overdue_report_keeps_what_was_found(world: World, reader: Reader) -> None:
    ref = world.start_call()
    world.end_call(ref)
    world.calls.content.save_after_call(ref, summary="They said hello.")
    world.clock.advance(minutes=5)
    reader.sweep.write_reports()
    call = world.calls.content.load_whole(ref)
    assert (call.summary, call.analysis_error) == ("They said hello.", None)


def test_due_mails_are_queued_once(world: World, reader: Reader) -> None:
    ref = world.start_call()
    world.end_call(ref)
    reader.notifications.begin(world.calls.rows.get(ref), world.clock())
    reader.sweep.queue_mails()
    assert reader.mails() == []
    world.clock.advance(minutes=3)
    reader.sweep.queue_mails()
    reader.sweep.queue_mails()
    assert reader.mails() == [DueMail(ref, 0)]


def test_one_failing_part_of_the_sweep_stops_no_other(
    world: World, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = world.start_call()
    world.end_call(ref)
    world.clock.advance(minutes=5)
    monkeypatch.setattr(reader.sweep, "queue_attempts", lambda _: 1 / 0)
    reader.sweep.run(lambda: 50.0)
    assert world.calls.rows.get(ref).reported


@pytest.mark.parametrize("seconds_a_request", [2.0, 60.0])
def test_facts_that_take_long_leave_every_other_part_its_time(
    world: World, reader: Reader, monkeypatch: pytest.MonkeyPatch, seconds_a_request: float
) -> None:
    ref, mailed = world.start_call(), world.start_call()
    for ended in (ref, mailed):
        world.end_call(ended)
    for _ in range(30):  # enough that each shard has some
        world.start_call()
    world.sender.statuses = [500]
    world.deliverer.deliver_fact(world.fact(ref, 1))
    world.queue.waiting.clear()
    reader.notifications.begin(world.calls.rows.get(mailed), world.clock())
    world.clock.advance(minutes=5)
    left, publish = [12.0], reader.bus.publish

    def slow(events: Sequence[Event]) -> list[bool]:
        if left[0] <= 0:
            raise AssertionError("killed")
        left[0] -= seconds_a_request
        return publish(events)

    monkeypatch.setattr(reader.bus, "publish", slow)
    reader.sweep.run(lambda: left[0])
    assert (len(world.queue.waiting), world.calls.rows.get(ref).reported, len(reader.mails())) == (1, True, 1)
    assert left[0] == (4 if seconds_a_request == 2 else -48)
    published = len(reader.bus.events)
    assert published > 0
    left[0] = 500.0
    reader.sweep.run(lambda: left[0])
    assert len(reader.bus.events) > published


def test_attempts_in_great_number_leave_the_facts_their_time(
    world: World, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        ref = world.start_call()
        world.sender.statuses = [500]
        world.deliverer.deliver_fact(world.fact(ref, 1))
    world.queue.waiting.clear()
    world.clock.advance(minutes=5)
    left, put = [20.0], world.queue.put

    def slow(attempt: QueuedAttempt) -> None:
        left[0] -= 3
        put(attempt)

    monkeypatch.setattr(world.queue, "put", slow)
    reader.sweep.run(lambda: left[0])
    assert len(world.queue.waiting) == 2
    assert len(reader.bus.events) == 5


def test_an_endpoint_that_fails_for_five_days_is_switched_off_and_that_is_published(
    world: World, reader: Reader
) -> None:
    for _ in range(3):
        slot = world.endpoints.acquire(ORG, URL)
        world.endpoints.release(slot, succeeded=False, slow=False)
        world.clock.advance(seconds=DISABLED_AFTER.total_seconds() / 2 + 1)
    reader.sweep.publish_facts()
    [event] = reader.bus.events
    assert (event.source, event.detail_type) == ("sovereign.webhooks", WEBHOOK_DISABLED)
    assert event.detail["org_id"] == ORG
    ref = world.start_call()
    world.deliverer.deliver_fact(world.fact(ref, 1))
    assert (world.delivery(ref, 1).status, world.delivery(ref, 1).failure) == ("failed", "endpoint_disabled")
    assert world.sender.sent == []
