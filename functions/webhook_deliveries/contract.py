"""What the webhook delivery routes answer."""

from functions.webhook_deliveries.schemas import DeliveryListResponse, DeliveryResponse
from sovereign.http.contract.operation import JsonObject, Operation, Operations

_EXAMPLE: JsonObject = {
    "id": "3f1c6f0e-8f0a-4f5e-9a55-0d3b5a4c7e21",
    "call_id": "call-inbound-k3v9x2m7q1zd",
    "event": "end-of-call-report",
    "sequence": 4,
    "status": "delivered",
    "url": "https://example.com/hook",
    "failure": None,
    "attempt_count": 1,
    "attempts": [
        {"at": "2026-11-23T09:30:44.000Z", "status": 200, "duration_ms": 81, "error": None, "answer": "ok"},
    ],
    "next_attempt_at": None,
    "created_at": "2026-11-23T09:30:43.000Z",
}

OPERATIONS: Operations = {
    "GET /webhook-deliveries": Operation(
        DeliveryListResponse,
        {"webhook_deliveries": [_EXAMPLE], "pagination": {"limit": 100, "next_cursor": None}},
    ),
    "POST /webhook-deliveries/{delivery_id}/replay": Operation(
        DeliveryResponse, {"webhook_delivery": _EXAMPLE}, errors=(410,)
    ),
}
