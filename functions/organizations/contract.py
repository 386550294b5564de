"""What the organization routes answer."""

from typing import Any, NotRequired

from typing_extensions import TypedDict

from sovereign.http.contract.operation import JsonObject, Moment, Operation, Operations
from sovereign.webhooks.targets import WebhookEventName


class Child(TypedDict):
    """A child in its parent's list."""

    id: str
    name: str
    created_at: Moment


class Organization(TypedDict):
    """The organization; `children` only where they were asked for."""

    id: str
    name: str
    minutes_balance: float
    monthly_usage_minutes: float
    active_numbers: int
    active_agents: int
    active_calls: int
    has_local_models_access: bool
    parent_org_id: str | None
    webhook_url: str | None
    webhook_secret: str | None
    webhook_events: list[WebhookEventName] | None
    announce_rejections: bool
    content_retention_days: int | None
    metadata_retention_days: int | None
    outbound_policy: dict[str, Any]
    monthly_minutes_limit: int | None
    suspended: bool
    created_at: Moment
    updated_at: Moment
    children: NotRequired[list[Child]]


class NewOrganization(TypedDict):
    """A new child; its key is shown this once and is null when the response is a replay."""

    id: str
    name: str
    parent_org_id: str
    api_key: str | None
    created_at: Moment


_EXAMPLE: JsonObject = {
    "id": "7b0d5f0c-63f8-4a35-8a0e-5a1f0d1e9b11",
    "name": "Riverside Dental",
    "minutes_balance": 1200,
    "monthly_usage_minutes": 84,
    "active_numbers": 1,
    "active_agents": 2,
    "active_calls": 0,
    "has_local_models_access": True,
    "parent_org_id": None,
    "webhook_url": None,
    "webhook_secret": None,
    "webhook_events": None,
    "announce_rejections": True,
    "content_retention_days": 90,
    "metadata_retention_days": 365,
    "outbound_policy": {
        "allowed_countries": None,
        "max_concurrent_calls": 10,
        "max_calls_per_minute": 30,
        "max_minutes_per_day": None,
    },
    "monthly_minutes_limit": None,
    "suspended": False,
    "created_at": "2026-11-23T09:30:00.000Z",
    "updated_at": "2026-11-23T09:30:00.000Z",
}
_NEW: JsonObject = {
    "id": "3f1c6f0e-8f0a-4f5e-9a55-0d3b5a4c7e21",
    "name": "Branch North",
    "parent_org_id": _EXAMPLE["id"],
    "api_key": "fl_live_0123456789abcdef0123456789abcdef01234567",
    "created_at": "2026-11-23T09:30:00.000Z",
}

OPERATIONS: Operations = {
    "GET /organizations": Operation(Organization, _EXAMPLE),
    "GET /account": Operation(Organization, _EXAMPLE),
    "POST /organizations": Operation(NewOrganization, _NEW, request={"name": "Branch North"}),
    "PATCH /organizations": Operation(
        Organization,
        _EXAMPLE,
        request={"content_retention_days": 90, "metadata_retention_days": 365},
        errors=(404,),
    ),
}
