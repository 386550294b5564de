"""A delivery as an item and back (docs/data-model.md)."""

from typing import Any
from zlib import crc32

from sovereign.kernel.clock import from_wire, to_wire
from sovereign.kernel.table import Item, Ref
from sovereign.webhooks.delivery import Attempt, Delivery, DeliveryRef, DeliveryStatus
from sovereign.webhooks.targets import WebhookEvent

SHARDS = 8
DELIVERY_SHARDS: tuple[str, ...] = tuple(f"DELIVERY#{shard}" for shard in range(SHARDS))
"""Values of `due_shard` a delivery carries while it is pending."""


def deliveries_key(org_id: str) -> str:
    """Partition of an organization's deliveries, in the order of their facts."""
    return f"ORG#{org_id}#DELIVERIES"


def table_ref(ref: DeliveryRef) -> Ref:
    """The record's primary key."""
    return Ref(deliveries_key(ref.org_id), ref.key)


def call_index(org_id: str, call_id: str) -> str:
    """`gsi1pk` of a delivery."""
    return f"{deliveries_key(org_id)}#CALL#{call_id}"


def status_index(org_id: str, status: str) -> str:
    """`gsi2pk` of a delivery."""
    return f"{deliveries_key(org_id)}#STATUS#{status}"


def due_shard(ref: DeliveryRef) -> str:
    """The shard of the `due` index this delivery waits in."""
    return DELIVERY_SHARDS[crc32(ref.delivery_id.encode()) % SHARDS]


def to_item(delivery: Delivery) -> Item:
    """The item of a new record."""
    ref = delivery.ref
    return {
        "pk": deliveries_key(ref.org_id),
        "sk": ref.key,
        "org_id": ref.org_id,
        "call_id": delivery.call_id,
        "call_number": delivery.call_number,
        "event": delivery.event.value,
        "fact": delivery.fact,
        "sequence": delivery.sequence,
        "url": delivery.url,
        "status": delivery.status.value,
        "created_at": to_wire(delivery.created_at),
        "private": delivery.private,
        "attempt_count": delivery.attempt_count,
        "round_start": delivery.round_start,
        "attempts": [attempt_item(a) for a in delivery.attempts],
        "next_attempt_at": _moment_text(delivery.next_attempt_at),
        "gsi1pk": call_index(ref.org_id, delivery.call_id),
        "gsi1sk": ref.key,
        "gsi2pk": status_index(ref.org_id, delivery.status.value),
        "gsi2sk": ref.key,
    }


def from_item(item: Item) -> Delivery:
    """A delivery from its item."""
    return Delivery(
        ref=DeliveryRef(item["org_id"], item["sk"]),
        call_id=item["call_id"],
        call_number=item["call_number"],
        event=WebhookEvent(item["event"]),
        fact=item["fact"],
        sequence=item["sequence"],
        url=item["url"],
        status=DeliveryStatus(item["status"]),
        created_at=from_wire(item["created_at"]),
        private=item["private"],
        attempt_count=item["attempt_count"],
        round_start=item["round_start"],
        attempts=[_attempt(entry) for entry in item["attempts"]],
        next_attempt_at=_moment(item.get("next_attempt_at")),
        claimed_until=_moment(item.get("claimed_until")),
        failure=item.get("failure"),
        body_erased=item.get("body_erased", False),
    )


def attempt_item(attempt: Attempt) -> dict[str, Any]:
    """An attempt as it is stored in its delivery."""
    return {
        "at": to_wire(attempt.at),
        "duration_ms": attempt.duration_ms,
        "status": attempt.status,
        "error": attempt.error,
        "answer": attempt.answer,
    }


def _attempt(entry: dict[str, Any]) -> Attempt:
    return Attempt(**(entry | {"at": from_wire(entry["at"])}))


def _moment(text: str | None) -> Any:
    return None if text is None else from_wire(text)


def _moment_text(moment: Any) -> str | None:
    return None if moment is None else to_wire(moment)
