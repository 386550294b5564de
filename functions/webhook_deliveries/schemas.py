"""Deliveries as clients see them."""

from pydantic import BaseModel

from sovereign.kernel.clock import to_wire
from sovereign.webhooks.delivery import Attempt, Delivery


class AttemptBody(BaseModel):
    """One request: `status` null means there was no answer, `error` why it failed."""

    at: str
    status: int | None
    duration_ms: int
    error: str | None
    answer: str | None

    @classmethod
    def of(cls, attempt: Attempt) -> "AttemptBody":
        """From the record."""
        return cls(
            at=to_wire(attempt.at),
            status=attempt.status,
            duration_ms=attempt.duration_ms,
            error=attempt.error,
            answer=attempt.answer,
        )


class DeliveryBody(BaseModel):
    """One delivery; `id` is what the endpoint got as `webhook-id`."""

    id: str
    call_id: str
    event: str
    sequence: int
    status: str
    url: str
    failure: str | None
    attempt_count: int
    attempts: list[AttemptBody]
    next_attempt_at: str | None
    created_at: str

    @classmethod
    def of(cls, delivery: Delivery) -> "DeliveryBody":
        """From the record."""
        return cls(
            id=delivery.ref.delivery_id,
            call_id=delivery.call_id,
            event=delivery.event.value,
            sequence=delivery.sequence,
            status=delivery.status.value,
            url=delivery.url,
            failure=delivery.failure,
            attempt_count=delivery.attempt_count,
            attempts=[AttemptBody.of(attempt) for attempt in delivery.attempts],
            next_attempt_at=to_wire(delivery.next_attempt_at) if delivery.next_attempt_at else None,
            created_at=to_wire(delivery.created_at),
        )


class CursorPagination(BaseModel):
    """`next_cursor` null: the last page. Deliveries have no numbers, so there is no total and no offset."""

    limit: int
    next_cursor: str | None


class DeliveryListResponse(BaseModel):
    """A page of deliveries, newest first."""

    webhook_deliveries: list[DeliveryBody]
    pagination: CursorPagination


class DeliveryResponse(BaseModel):
    """One delivery."""

    webhook_delivery: DeliveryBody
