"""Routes of the webhook deliveries resource."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from functions.webhook_deliveries.cursor import from_cursor, to_cursor
from functions.webhook_deliveries.replay import replay_delivery
from functions.webhook_deliveries.schemas import (
    CursorPagination,
    DeliveryBody,
    DeliveryListResponse,
    DeliveryResponse,
)
from sovereign.http import PLAIN_DIGITS, CallerDep, TableDep
from sovereign.webhooks.delivery import DeliveryStatus
from sovereign.webhooks.delivery_store import DeliveryStore

router = APIRouter(tags=["webhook deliveries"])

MAX_LIMIT = 100


@router.get("/webhook-deliveries", summary="List webhook deliveries")
def list_deliveries(  # noqa: PLR0917 - FastAPI passes them by name
    caller: CallerDep,
    table: TableDep,
    call_id: Annotated[str | None, Query(min_length=1, max_length=100)] = None,
    status: DeliveryStatus | None = None,
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT), PLAIN_DIGITS] = MAX_LIMIT,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
) -> DeliveryListResponse:
    """Deliveries of the caller's organization, newest first."""
    after = from_cursor(cursor) if cursor else None
    page = DeliveryStore(table).page(caller.org_id, limit=limit, after=after, call_id=call_id, status=status)
    next_cursor = to_cursor(page.next_key) if page.next_key else None
    return DeliveryListResponse(
        webhook_deliveries=[DeliveryBody.of(delivery) for delivery in page.deliveries],
        pagination=CursorPagination(limit=limit, next_cursor=next_cursor),
    )


@router.post("/webhook-deliveries/{delivery_id}/replay", summary="Replay a webhook delivery")
def replay(delivery_id: str, caller: CallerDep, table: TableDep) -> DeliveryResponse:
    """Deliver again, at once and on a new schedule, with the same body and id."""
    return DeliveryResponse(webhook_delivery=DeliveryBody.of(replay_delivery(table, caller.org_id, delivery_id)))
