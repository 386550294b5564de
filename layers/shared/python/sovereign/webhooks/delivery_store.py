"""The records of deliveries: every change is conditional on what it was decided from."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sovereign.kernel.clock import Clock, to_wire, utc_now
from sovereign.kernel.errors import ConflictError, NotFoundError
from sovereign.kernel.table import Attr, Condition, ConditionFailed, Item, Put, Table, Update, absent, present
from sovereign.webhooks import delivery_items as items
from sovereign.webhooks.delivery import Attempt, Delivery, DeliveryRef, DeliveryStatus

CLAIM_SECONDS = 40
"""How long an attempt owns its delivery: the 15 s limit of the request with room for what surrounds it."""
SAFETY_MARGIN = timedelta(minutes=2)
"""How long after a queued attempt the sweep takes its message for lost and queues another."""
KEPT_ATTEMPTS = 20
"""Attempts kept in a record: a schedule's eight and those of replays."""


class DeliveryNotFoundError(NotFoundError):
    """No such delivery in the caller's organization (404)."""

    def __init__(self) -> None:
        super().__init__("Webhook delivery not found")


@dataclass(frozen=True)
class DeliveryPage:
    """Newest first; `next_key` is None on the last page, else what to pass as `after`."""

    deliveries: list[Delivery]
    next_key: str | None


class DeliveryStore:
    """Deliveries of every organization."""

    def __init__(self, table: Table, clock: Clock = utc_now) -> None:
        self._table = table
        self._clock = clock

    def get(self, ref: DeliveryRef) -> Delivery | None:
        """Read a record as it is now."""
        item = self._table.get(items.table_ref(ref), consistent=True)
        return items.from_item(item) if item else None

    def create(self, delivery: Delivery, *, due_at: datetime) -> Delivery:
        """Store a new record and return it, or the one that is there already (a fact has one delivery)."""
        item = items.to_item(delivery) | {"due_shard": items.due_shard(delivery.ref), "due_at": to_wire(due_at)}
        try:
            self._table.put(Put(item, absent))
        except ConditionFailed as failed:
            if failed.old is None:
                raise
            return items.from_item(failed.old)
        return delivery

    def claim(self, delivery: Delivery, url: str) -> bool:
        """Own the next attempt, to `url`, for 40 s; False when it is done, made or owned by somebody else."""
        now = self._clock()
        until = now + timedelta(seconds=CLAIM_SECONDS)
        unclaimed = Attr("claimed_until").not_exists() | Attr("claimed_until").lt(to_wire(now))
        return self._change(
            Update(
                items.table_ref(delivery.ref),
                set={"url": url, "claimed_until": to_wire(until), "due_at": to_wire(until + SAFETY_MARGIN)},
                condition=_still(delivery) & unclaimed,
            ),
        )

    def delivered(self, delivery: Delivery, attempt: Attempt) -> bool:
        """Record the attempt that got through."""
        return self._finish(delivery, [attempt], DeliveryStatus.DELIVERED, None)

    def give_up(self, delivery: Delivery, attempt: Attempt | None, failure: str) -> bool:
        """Record that no more attempts are made, and why."""
        return self._finish(delivery, [attempt] if attempt else [], DeliveryStatus.FAILED, failure)

    def retry_at(self, delivery: Delivery, attempt: Attempt, at: datetime, *, due_at: datetime) -> bool:
        """Record a failed attempt; the next is at `at`, and the sweep queues it from `due_at` on."""
        changes = self._attempted(delivery, [attempt]) | {"next_attempt_at": to_wire(at), "due_at": to_wire(due_at)}
        place, unchanged = items.table_ref(delivery.ref), _still(delivery)
        return self._change(Update(place, set=changes, remove=["claimed_until"], condition=unchanged))

    def replay(self, delivery: Delivery) -> Delivery:
        """Begin the schedule anew, at once. Raises ConflictError when the record changed meanwhile."""
        now = self._clock()
        changes = {
            "status": DeliveryStatus.PENDING.value,
            "gsi2pk": items.status_index(delivery.ref.org_id, DeliveryStatus.PENDING.value),
            "round_start": delivery.attempt_count,
            "next_attempt_at": to_wire(now),
            "due_shard": items.due_shard(delivery.ref),
            "due_at": to_wire(now + SAFETY_MARGIN),
        }
        unchanged = Attr("status").eq(delivery.status.value) & Attr("attempt_count").eq(delivery.attempt_count)
        erased = Attr("body_erased").not_exists()
        update = Update(items.table_ref(delivery.ref), set=changes, remove=["failure"], condition=unchanged & erased)
        try:
            return items.from_item(self._table.update(update))
        except ConditionFailed:
            raise ConflictError("The delivery changed meanwhile; look at it again") from None

    def postpone(self, ref: DeliveryRef, *, due_at: datetime) -> None:
        """Move a pending delivery's mark, after its attempt was queued."""
        pending = Attr("status").eq(DeliveryStatus.PENDING.value)
        try:
            self._table.update(Update(items.table_ref(ref), set={"due_at": to_wire(due_at)}, condition=pending))
        except ConditionFailed:
            return

    def mark_body_erased(self, ref: DeliveryRef) -> None:
        """Note that the body is gone: the delivery cannot be replayed. Answers kept in it go too."""
        item = self._table.get(items.table_ref(ref), consistent=True)
        if item is None:
            return
        attempts = [entry | {"answer": None} for entry in item["attempts"]]
        unchanged = present & Attr("attempt_count").eq(item["attempt_count"])
        try:
            self._table.update(
                Update(items.table_ref(ref), set={"body_erased": True, "attempts": attempts}, condition=unchanged)
            )
        except ConditionFailed:
            self.mark_body_erased(ref)

    def due(self, shard: str, now: datetime) -> Iterator[DeliveryRef]:
        """Pending deliveries of a shard whose mark has come."""
        for key in self._table.query(shard, index="due", between=("0", to_wire(now))):
            yield DeliveryRef(key["pk"].split("#")[1], key["sk"])

    def page(
        self, org_id: str, *, limit: int, after: str | None, call_id: str | None, status: DeliveryStatus | None
    ) -> DeliveryPage:
        """One page, newest first, in one request without a filter and two with; `limit` at most 100."""
        if call_id is None and status is None:
            found, next_key = self._keys_or_items(org_id, items.deliveries_key(org_id), None, limit, after)
        elif call_id is not None:
            found, next_key = self._by_index(org_id, items.call_index(org_id, call_id), "gsi1", limit, after)
        else:
            found, next_key = self._by_index(org_id, items.status_index(org_id, str(status)), "gsi2", limit, after)
        deliveries = [items.from_item(item) for item in found]
        return DeliveryPage([d for d in deliveries if status is None or d.status is status], next_key)

    def _by_index(
        self, org_id: str, pk: str, index: str, limit: int, after: str | None
    ) -> tuple[list[Item], str | None]:
        keys, next_key = self._keys_or_items(org_id, pk, index, limit, after)
        refs = [items.table_ref(DeliveryRef(org_id, key["sk"])) for key in keys]
        found = self._table.get_many(refs, consistent=True)
        return [found[ref] for ref in refs if ref in found], next_key

    def _keys_or_items(
        self, org_id: str, pk: str, index: str | None, limit: int, after: str | None
    ) -> tuple[list[Item], str | None]:
        start = _start_key(org_id, after, pk, index) if after else None
        page = self._table.page(pk, index=index, descending=True, limit=limit, start=start, consistent=index is None)
        next_key = page.items[-1]["sk"] if page.next and page.items else None
        return page.items, next_key

    def _finish(self, delivery: Delivery, attempts: list[Attempt], status: DeliveryStatus, failure: str | None) -> bool:
        changes = self._attempted(delivery, attempts) | {
            "status": status.value,
            "gsi2pk": items.status_index(delivery.ref.org_id, status.value),
            "next_attempt_at": None,
            "failure": failure,
        }
        return self._change(
            Update(
                items.table_ref(delivery.ref),
                set=changes,
                remove=["claimed_until", "due_shard", "due_at"],
                condition=_still(delivery),
            ),
        )

    def _attempted(self, delivery: Delivery, attempts: list[Attempt]) -> Item:
        kept = [*delivery.attempts, *attempts][-KEPT_ATTEMPTS:]
        return {
            "attempts": [items.attempt_item(a) for a in kept],
            "attempt_count": delivery.attempt_count + len(attempts),
        }

    def _change(self, update: Update) -> bool:
        try:
            self._table.update(update)
        except ConditionFailed:
            return False
        return True


def _still(delivery: Delivery) -> Condition:
    """Condition: still pending, and no attempt was recorded since `delivery` was read."""
    pending = Attr("status").eq(DeliveryStatus.PENDING.value)
    return pending & Attr("attempt_count").eq(delivery.attempt_count)


def _start_key(org_id: str, after: str, pk: str, index: str | None) -> dict[str, Any]:
    """DynamoDB's own form of "go on behind this record"."""
    key = {"pk": items.deliveries_key(org_id), "sk": after}
    if index:
        key |= {f"{index}pk": pk, f"{index}sk": after}
    return {name: {"S": value} for name, value in key.items()}
