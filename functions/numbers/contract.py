"""What the number routes answer."""

from typing import Literal

from sovereign.http.contract.operation import Id, JsonObject, Moment, Operations, Resource, view
from sovereign.numbers import NumberSettings

Number = view(
    "Number",
    NumberSettings,
    id=Id,
    agent_name=str | None,
    assistant_id=Id | None,
    assistant_name=str | None,
    business_name=str | None,
    transfer_trunk_name=str | None,
    workflow_name=str | None,
    source=str | None,
    verification=Literal["pending", "verified"],
    created_at=Moment,
    updated_at=Moment,
)
_CREATE: JsonObject = {"phone_number": "+12025550142", "name": "Front desk"}
_EXAMPLE: JsonObject = {
    "id": "3f1c6f0e-8f0a-4f5e-9a55-0d3b5a4c7e21",
    **_CREATE,
    "agent_id": None,
    "agent_name": None,
    "assistant_id": None,
    "assistant_name": None,
    "business_name": None,
    "transfer_trunk_id": None,
    "transfer_trunk_name": None,
    "workflow_id": None,
    "workflow_name": None,
    "source": None,
    "is_active": True,
    "verification": "pending",
    "created_at": "2026-11-23T09:30:00.000Z",
    "updated_at": "2026-11-23T09:30:00.000Z",
}

OPERATIONS: Operations = Resource(
    path="numbers",
    parameter="number_id",
    plural="numbers",
    singular="number",
    shown=Number,
    example=_EXAMPLE,
    create=_CREATE,
    change={"agent_id": None},
).operations()
