"""Brings facts to endpoints: one delivery a fact, its attempts claimed, timed, recorded and scheduled."""

from datetime import timedelta
from zlib import crc32

from sovereign.calls.events import CALL_REPORTED
from sovereign.calls.model import CallRef
from sovereign.calls.store import CallStore
from sovereign.kernel.clock import Clock, utc_now
from sovereign.kernel.observe import logger
from sovereign.webhooks.delivery import Attempt, AttemptResult, Delivery, DeliveryRef, DeliveryStatus
from sovereign.webhooks.delivery_store import SAFETY_MARGIN, DeliveryStore
from sovereign.webhooks.endpoints import EndpointBusyError, EndpointDisabledError, EndpointStore
from sovereign.webhooks.facts import LONGEST_WAIT, FactNotice, FactOrder
from sovereign.webhooks.frozen_bodies import FrozenBodies
from sovereign.webhooks.queue import DeliveryQueue, QueuedAttempt
from sovereign.webhooks.rendering import FactRenderer
from sovereign.webhooks.schedule import LONGEST_QUEUE_DELAY, next_attempt_at
from sovereign.webhooks.sender import WebhookSender
from sovereign.webhooks.targets import WebhookTarget

BUSY_DELAY = timedelta(seconds=5)
"""A message for an endpoint without a free slot comes back after one to three of these."""

_log = logger()


class Deliverer:
    """Delivers; safe under duplicate and concurrent messages."""

    def __init__(
        self,
        *,
        calls: CallStore,
        renderer: FactRenderer,
        deliveries: DeliveryStore,
        order: FactOrder,
        endpoints: EndpointStore,
        bodies: FrozenBodies,
        sender: WebhookSender,
        queue: DeliveryQueue,
        clock: Clock = utc_now,
    ) -> None:
        self._calls = calls
        self._renderer = renderer
        self._deliveries = deliveries
        self._order = order
        self._endpoints = endpoints
        self._bodies = bodies
        self._sender = sender
        self._queue = queue
        self._clock = clock

    def deliver_fact(self, fact: FactNotice) -> None:
        """Begin the delivery of a fact, unless nobody is to be told or it has begun already."""
        planned = self._renderer.plan(fact)
        if planned is None:
            self._let_follower_go(fact)
            self._forget_private_call(fact.name, fact.call)
            return
        delivery = self._deliveries.create(planned, due_at=fact.occurred_at + LONGEST_WAIT + SAFETY_MARGIN)
        if delivery.status is not DeliveryStatus.PENDING or delivery.attempt_count:
            return
        wait = fact.occurred_at + LONGEST_WAIT - self._clock()
        if wait > timedelta(0) and self._order.must_wait(fact):
            self._queue.put(QueuedAttempt(delivery.ref, 0), delay=wait)
            return
        self._attempt(delivery)

    def deliver_queued(self, queued: QueuedAttempt) -> None:
        """Make a queued attempt, unless it was made meanwhile."""
        delivery = self._deliveries.get(queued.ref)
        if delivery is None or delivery.status is not DeliveryStatus.PENDING:
            return
        if delivery.attempt_count == queued.attempt_count:
            self._attempt(delivery)

    def _attempt(self, delivery: Delivery) -> None:
        fact = self._order.load(_call_of(delivery), delivery.sequence)
        target = self._renderer.target(fact) if fact else None
        if fact is None or target is None:
            self._give_up(delivery, None, "no_target")
            self._let_follower_go(fact)
            return
        try:
            slot = self._endpoints.acquire(delivery.ref.org_id, target.url)
        except EndpointBusyError:
            self._come_back(delivery)
            return
        except EndpointDisabledError:
            self._give_up(delivery, None, "endpoint_disabled")
            self._let_follower_go(fact)
            return
        if not self._deliveries.claim(delivery, target.url):
            self._endpoints.give_back(slot)
            return
        result = self._request(delivery, fact, target)
        self._endpoints.release(slot, succeeded=result.attempt.succeeded, slow=result.slow)
        self._record(delivery, result)
        if delivery.attempt_count == 0:
            self._let_follower_go(fact)

    def _request(self, delivery: Delivery, fact: FactNotice, target: WebhookTarget) -> AttemptResult:
        """Send the frozen body; a body that cannot be made counts as a failed attempt, so that it is tried again."""
        try:
            body = self._bodies.load(delivery) or self._bodies.freeze(delivery, self._renderer.body(fact))
        except Exception:  # noqa: BLE001 - whatever it is, the schedule goes on and ends
            _log.exception("webhook_body_failed", call_id=delivery.call_id, delivery_id=delivery.ref.delivery_id)
            return AttemptResult(Attempt(self._clock(), 0, error="internal_error"))
        return self._sender.send(delivery, target, body)

    def _record(self, delivery: Delivery, result: AttemptResult) -> None:
        attempt = result.attempt
        if attempt.succeeded:
            self._deliveries.delivered(delivery, attempt)
            self._forget_if_private(delivery)
            return
        if result.gone:
            self._give_up(delivery, attempt, "gone")
            return
        at = next_attempt_at(
            delivery.ref.delivery_id,
            failures=delivery.failures_this_round + 1,
            now=self._clock(),
            retry_after=result.retry_after,
        )
        if at is None:
            self._give_up(delivery, attempt, "attempts_exhausted")
            return
        delay = at - self._clock()
        queued = delay <= LONGEST_QUEUE_DELAY
        self._deliveries.retry_at(delivery, attempt, at, due_at=at + SAFETY_MARGIN if queued else at)
        if queued:
            self._queue.put(QueuedAttempt(delivery.ref, delivery.attempt_count + 1), delay=delay)

    def _give_up(self, delivery: Delivery, attempt: Attempt | None, failure: str) -> None:
        if not self._deliveries.give_up(delivery, attempt, failure):
            return
        count = delivery.attempt_count + (attempt is not None)
        self._queue.put_dead(QueuedAttempt(delivery.ref, count), failure)
        _log.warning(
            "webhook_given_up", call_id=delivery.call_id, delivery_id=delivery.ref.delivery_id, failure=failure
        )
        self._forget_if_private(delivery)

    def _come_back(self, delivery: Delivery) -> None:
        """Queue the attempt again for when the endpoint may have a free slot; it does not count as one."""
        delay = BUSY_DELAY * (1 + crc32(delivery.ref.key.encode()) % 1000 / 500)
        self._deliveries.postpone(delivery.ref, due_at=self._clock() + delay + SAFETY_MARGIN)
        self._queue.put(QueuedAttempt(delivery.ref, delivery.attempt_count), delay=delay)

    def _let_follower_go(self, fact: FactNotice | None) -> None:
        follower: DeliveryRef | None = self._order.attempted(fact) if fact else None
        if follower:
            self._queue.put(QueuedAttempt(follower, 0))

    def _forget_if_private(self, delivery: Delivery) -> None:
        if delivery.private:
            self._bodies.erase(delivery)
            self._deliveries.mark_body_erased(delivery.ref)
            self._forget_private_call(delivery.fact, _call_of(delivery), known_private=True)

    def _forget_private_call(self, fact_name: str, call: CallRef, *, known_private: bool = False) -> None:
        """A gdpr_mode call's content goes when its report was delivered, given up, or wanted by nobody."""
        if fact_name == CALL_REPORTED and (known_private or self._calls.rows.get(call).private):
            self._calls.private.erase(call)


def _call_of(delivery: Delivery) -> CallRef:
    return CallRef(delivery.ref.org_id, delivery.call_id, delivery.call_number)
