"""API keys on the wire."""

from typing import Annotated, Any

from pydantic import Field

from sovereign.api_keys import ApiKey
from sovereign.http import RequestModel
from sovereign.kernel.clock import to_wire


class ApiKeyCreate(RequestModel):
    """`POST /api-keys`."""

    name: Annotated[str, Field(min_length=1, max_length=200)]


def api_key_view(key: ApiKey) -> dict[str, Any]:
    """A key as it is listed; `rate_limit_per_minute` null = unlimited."""
    return {
        "id": key.id,
        "name": key.name,
        "last_four": key.last_four,
        "rate_limit_per_minute": key.rate_limit_per_minute,
        "created_at": to_wire(key.created_at),
    }
