import json
from datetime import timedelta
from itertools import pairwise

from sovereign.calls.model import CallOutcome, EndReason, Message
from sovereign.kernel.table import Ref
from sovereign.webhooks.delivery import DeliveryStatus
from sovereign.webhooks.queue import QueuedAttempt
from sovereign.webhooks.schedule import RETRY_DELAYS
from sovereign.webhooks.targets import WebhookSettings
from tests.component.calls.harness import CALLER, ORG
from tests.component.webhooks.world import URL, World


def test_a_fact_is_delivered_once_with_the_status_it_reports(world: World) -> None:
    ref = world.start_call()
    world.calls.lifecycle.mark_answered(ref)
    world.deliverer.deliver_fact(world.fact(ref, 1))
    world.deliverer.deliver_fact(world.fact(ref, 1))
    [message] = world.sender.messages
    assert message["type"] == "status-update"
    assert message["call"] == {
        "id": ref.call_id,
        "type": "inbound_phone_call",
        "status": "ringing",
        "pipeline": "standard",
    }
    assert message["phone_number"]["name"] == "Front desk"
    assert message["customer"] == {"number": CALLER}
    assert message["assistant"]["first_message"] == "Hello, Riverside Dental."
    assert "secret" not in json.dumps(message)
    delivery = world.delivery(ref, 1)
    assert delivery.status is DeliveryStatus.DELIVERED
    assert [a.status for a in delivery.attempts] == [200]


def test_nobody_to_tell_makes_no_record_and_lets_the_next_fact_go(world: World) -> None:
    ref = world.start_call(webhook_events=["end-of-call-report"])
    world.end_call(ref)
    world.calls.lifecycle.write_report(ref)
    for sequence in (1, 2, 3):
        world.deliverer.deliver_fact(world.fact(ref, sequence))
        assert world.deliveries.get(world.fact(ref, sequence).delivery_ref) is None
    world.deliverer.deliver_fact(world.fact(ref, 4))
    [report] = world.sender.messages
    assert report["type"] == "end-of-call-report"
    assert report["duration_seconds"] == 30
    assert report["end_reason"] == "user_hangup"
    assert report["messages"] == [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Good day"},
    ]


def test_bridged_call_tells_its_last_status_once_and_reports_when_it_is_over(world: World) -> None:
    done = {"destination": "+31201234567", "outcome": "succeeded"}
    ref = world.start_call()
    world.calls.lifecycle.mark_answered(ref)
    world.clock.advance(seconds=30)
    world.calls.lifecycle.mark_transferred(ref, done)
    world.clock.advance(seconds=60)
    world.calls.lifecycle.finish(ref, CallOutcome(end_reason=EndReason.TRANSFERRED, transfer=done))
    world.calls.lifecycle.write_report(ref)
    for sequence in range(1, 6):
        world.deliverer.deliver_fact(world.fact(ref, sequence))
    *updates, report = world.sender.messages
    told = [(update["call"]["status"], update.get("end_reason")) for update in updates]
    assert told == [("ringing", None), ("in-progress", None), ("transferred", "transferred")]
    assert (report["type"], report["duration_seconds"], report["transfer"]) == ("end-of-call-report", 90, done)


def test_without_its_own_webhook_the_account_is_told_with_its_secret(world: World) -> None:
    world.accounts.webhook = WebhookSettings("https://account.example/", None, ["status-update"])
    ref = world.start_call(webhook_url=None, webhook_secret=None)
    world.deliverer.deliver_fact(world.fact(ref, 1))
    assert world.sender.sent[0][1].url == "https://account.example/"


def test_a_fact_waits_for_its_predecessors_first_attempt_and_goes_right_after_it(world: World) -> None:
    ref = world.start_call()
    world.calls.lifecycle.mark_answered(ref)
    world.deliverer.deliver_fact(world.fact(ref, 2))
    assert world.sender.sent == []
    world.sender.statuses = [500]
    world.deliverer.deliver_fact(world.fact(ref, 1))
    now = world.clock()
    follower = QueuedAttempt(world.fact(ref, 2).delivery_ref, 0)
    assert (now, follower) in world.queue.waiting
    world.deliverer.deliver_queued(follower)
    assert [m["call"]["status"] for m in world.sender.messages] == ["ringing", "in-progress"]


def test_a_fact_waits_a_minute_at_most(world: World) -> None:
    ref = world.start_call()
    world.calls.lifecycle.mark_answered(ref)
    world.deliverer.deliver_fact(world.fact(ref, 2))
    [(visible_at, queued)] = world.queue.waiting
    assert visible_at == world.fact(ref, 2).occurred_at + timedelta(seconds=60)
    world.clock.now = visible_at
    world.deliverer.deliver_queued(queued)
    assert [m["call"]["status"] for m in world.sender.messages] == ["in-progress"]


def test_failures_follow_the_schedule_with_one_body_and_end_in_the_dead_letter_queue(world: World) -> None:
    ref = world.start_call()
    world.sender.statuses = [500] * 8
    world.deliverer.deliver_fact(world.fact(ref, 1))
    times = [world.clock()]
    while (delivery := world.delivery(ref, 1)).status is DeliveryStatus.PENDING:
        at = delivery.next_attempt_at
        assert at is not None
        world.clock.now = at
        world.deliverer.deliver_queued(QueuedAttempt(delivery.ref, delivery.attempt_count))
        times.append(at)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len(gaps) == len(RETRY_DELAYS)
    for gap, delay in zip(gaps, RETRY_DELAYS, strict=True):
        assert delay <= gap <= delay * 1.1 + timedelta(milliseconds=1)
    assert delivery.status is DeliveryStatus.FAILED
    assert delivery.failure == "attempts_exhausted"
    assert len({body for _, _, body in world.sender.sent}) == 1
    assert len({delivery_id for delivery_id, _, _ in world.sender.sent}) == 1
    assert [dead["reason"] for dead in world.dead()] == ["attempts_exhausted"]


def test_short_waits_are_queued_and_long_ones_are_due_items(world: World) -> None:
    ref = world.start_call()
    world.sender.statuses = [500, 500, 500]
    world.deliverer.deliver_fact(world.fact(ref, 1))
    for queued_again in (True, True, False):
        delivery = world.delivery(ref, 1)
        matching = [q for _, q in world.queue.waiting if q == QueuedAttempt(delivery.ref, delivery.attempt_count)]
        assert bool(matching) is queued_again
        assert delivery.next_attempt_at is not None
        world.clock.now = delivery.next_attempt_at
        world.deliverer.deliver_queued(QueuedAttempt(delivery.ref, delivery.attempt_count))
    shards = [f"DELIVERY#{n}" for n in range(8)]
    world.clock.advance(hours=1)
    assert [r for s in shards for r in world.deliveries.due(s, world.clock())] == []


def test_the_body_is_frozen_at_the_first_attempt(world: World) -> None:
    ref = world.start_call()
    world.end_call(ref)
    world.calls.lifecycle.write_report(ref)
    for sequence in (1, 2, 3):
        world.deliverer.deliver_fact(world.fact(ref, sequence))
    world.sender.statuses = [503]
    world.deliverer.deliver_fact(world.fact(ref, 4))
    world.calls.content.save_after_call(ref, summary="written later")
    delivery = world.delivery(ref, 4)
    world.clock.advance(minutes=1)
    world.deliverer.deliver_queued(QueuedAttempt(delivery.ref, 1))
    first, second = (body for _, _, body in world.sender.sent[-2:])
    assert first == second
    assert b"written later" not in second


def test_a_duplicate_message_during_the_request_sends_nothing(world: World) -> None:
    ref = world.start_call()
    fact = world.fact(ref, 1)
    world.sender.during = lambda: world.deliverer.deliver_fact(fact) if len(world.sender.sent) == 1 else None
    world.deliverer.deliver_fact(fact)
    assert len(world.sender.sent) == 1


def test_a_late_message_of_an_attempt_that_was_made_sends_nothing(world: World) -> None:
    ref = world.start_call()
    world.sender.statuses = [500]
    world.deliverer.deliver_fact(world.fact(ref, 1))
    world.clock.advance(minutes=3)
    world.deliverer.deliver_queued(QueuedAttempt(world.delivery(ref, 1).ref, 0))
    assert len(world.sender.sent) == 1


def test_a_claim_whose_owner_died_is_taken_over(world: World) -> None:
    ref = world.start_call()
    planned = world.deliverer._renderer.plan(world.fact(ref, 1))
    assert planned is not None
    delivery = world.deliveries.create(planned, due_at=world.clock())
    assert world.deliveries.claim(delivery, URL)
    world.deliverer.deliver_queued(QueuedAttempt(delivery.ref, 0))
    assert world.sender.sent == []
    world.clock.advance(seconds=41)
    world.deliverer.deliver_queued(QueuedAttempt(delivery.ref, 0))
    assert len(world.sender.sent) == 1


def test_gone_ends_the_delivery(world: World) -> None:
    ref = world.start_call()
    world.sender.statuses = [410]
    world.deliverer.deliver_fact(world.fact(ref, 1))
    delivery = world.delivery(ref, 1)
    assert (delivery.status, delivery.failure) == (DeliveryStatus.FAILED, "gone")


def test_retry_after_postpones_but_never_hastens(world: World) -> None:
    ref = world.start_call()
    world.sender.statuses, world.sender.retry_after = [429, 429], timedelta(minutes=2)
    world.deliverer.deliver_fact(world.fact(ref, 1))
    first = world.delivery(ref, 1)
    assert first.next_attempt_at == world.clock() + timedelta(minutes=2)
    world.clock.now = first.next_attempt_at
    world.deliverer.deliver_queued(QueuedAttempt(first.ref, 1))
    second = world.delivery(ref, 1)
    assert second.next_attempt_at is not None
    assert second.next_attempt_at - world.clock() >= timedelta(minutes=5)


def test_a_body_that_cannot_be_rendered_is_tried_again_and_not_lost(world: World) -> None:
    ref = world.start_call()
    real = world.deliverer._renderer.body

    def broken(fact: object) -> bytes:
        raise RuntimeError

    world.deliverer._renderer.body = broken  # type: ignore[method-assign]
    world.deliverer.deliver_fact(world.fact(ref, 1))
    assert [a.error for a in world.delivery(ref, 1).attempts] == ["internal_error"]
    world.deliverer._renderer.body = real  # type: ignore[method-assign]
    world.clock.advance(minutes=1)
    world.run_queue()
    assert world.delivery(ref, 1).status is DeliveryStatus.DELIVERED


def test_a_private_call_leaves_nothing_once_its_report_is_delivered(world: World) -> None:
    ref = world.start_call(private=True, gdpr_mode=True)
    world.end_call(ref, messages=[Message("user", "my secret illness"), Message("assistant", "noted")])
    world.calls.lifecycle.write_report(ref)
    for sequence in (1, 2, 3):
        world.deliverer.deliver_fact(world.fact(ref, sequence))
    world.sender.statuses = [500]
    world.deliverer.deliver_fact(world.fact(ref, 4))
    assert "my secret illness" in world.sender.messages[-1]["messages"][0]["content"]
    assert world.sender.messages[-1]["customer"]["number"] == CALLER
    world.clock.advance(minutes=1)
    world.run_queue()
    delivery = world.delivery(ref, 4)
    assert delivery.status is DeliveryStatus.DELIVERED
    assert [a.answer for a in delivery.attempts] == [None, None]
    assert delivery.body_erased
    assert world.bodies.load(delivery) is None
    assert world.calls.content.load_whole(ref).messages is None
    own = [item["sk"] for item in world.table.query(f"ORG#{ORG}#CALL#{ref.call_id}")]
    assert not [sk for sk in own if sk.startswith(("BODY#", "GDPR"))]


def test_a_private_call_nobody_is_told_of_is_forgotten_at_its_report(world: World) -> None:
    ref = world.start_call(private=True, gdpr_mode=True, webhook_events=[])
    world.end_call(ref)
    world.calls.lifecycle.write_report(ref)
    world.deliverer.deliver_fact(world.fact(ref, 4))
    assert world.calls.content.load_whole(ref).messages is None


def test_a_busy_endpoint_postpones_without_counting_an_attempt(world: World) -> None:
    ref = world.start_call()
    for _ in range(16):
        world.endpoints.acquire(ORG, URL)
    world.deliverer.deliver_fact(world.fact(ref, 1))
    delivery = world.delivery(ref, 1)
    assert (delivery.attempt_count, world.sender.sent) == (0, [])
    [(visible_at, _)] = world.queue.waiting
    assert timedelta(seconds=5) <= visible_at - world.clock() <= timedelta(seconds=15)
    world.clock.advance(seconds=41)
    world.run_queue()
    assert world.delivery(ref, 1).status is DeliveryStatus.DELIVERED


def test_a_body_lies_encrypted_and_large_ones_in_parts(world: World) -> None:
    ref = world.start_call()
    planned = world.deliverer._renderer.plan(world.fact(ref, 1))
    assert planned is not None
    noise = bytes(range(256)) * 4
    large = b"".join(bytes([(i * 37 + j) % 251 for j in noise]) for i in range(900))
    assert world.bodies.freeze(planned, large) == large
    assert world.bodies.freeze(planned, b"another") == large
    assert world.bodies.load(planned) == large
    first = world.table.get(Ref(f"ORG#{ORG}#CALL#{ref.call_id}", "BODY#000001#00"))
    assert first is not None
    world.bodies.erase(planned)
    assert world.bodies.load(planned) is None
