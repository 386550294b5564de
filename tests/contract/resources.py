"""What is the same for every resource: where it is, what it takes, how it is wrapped."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.contract.client import Api

UNKNOWN_ID = "11111111-2222-4333-8444-555555555555"
_serial = count(random.randrange(9_000_000))


def fresh_phone_number() -> str:
    """A valid number no test has used, in this run or an earlier one on the same platform: Dutch mobile numbers."""
    return f"+3161{next(_serial):07d}"


@dataclass(frozen=True)
class Resource:
    """A resource of the API. `sample` makes a body with every member that needs no other object."""

    path: str
    plural: str
    singular: str
    required: tuple[str, ...]
    sample: Callable[[], dict[str, Any]]
    write_only: frozenset[str] = frozenset()
    read_only: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)

    def create(self, api: Api, **members: Any) -> dict[str, Any]:
        """A new object."""
        made: dict[str, Any] = api.post(self.path, self.sample() | members)[self.singular]
        return made

    def at(self, made: dict[str, Any]) -> str:
        """Its path."""
        return f"{self.path}/{made['id']}"

    def read(self, api: Api, made: dict[str, Any]) -> dict[str, Any]:
        """It as it is now."""
        found: dict[str, Any] = api.get(self.at(made))[self.singular]
        return found

    def __str__(self) -> str:
        return self.plural


def _assistant() -> dict[str, Any]:
    return {"name": "Front desk", "business_name": "Riverside", "first_message": "Good day."}


def _number() -> dict[str, Any]:
    return {"phone_number": fresh_phone_number(), "name": "Reception"}


def _trunk() -> dict[str, Any]:
    return {
        "name": "Carrier",
        "provider": "custom",
        "address": "sip.carrier.example:5061",
        "transport": "tcp",
        "auth_username": "riverside",
        "auth_password": "correct horse battery",
        "inbound_addresses": ["203.0.113.0/28"],
    }


_TIMES = {"id": UNKNOWN_ID, "created_at": "2020-01-01T00:00:00.000Z", "updated_at": "2020-01-01T00:00:00.000Z"}

ASSISTANTS = Resource(
    "/assistants", "assistants", "assistant", ("name",), _assistant, read_only=_TIMES, changes={"name": "Night desk"}
)
AGENTS = Resource(
    "/agents", "agents", "agent", ("name",), _assistant, read_only=_TIMES, changes={"first_message": None}
)
NUMBERS = Resource(
    "/numbers",
    "numbers",
    "number",
    ("phone_number",),
    _number,
    read_only=_TIMES | {"phone_number": "+31201234567", "verification": "verified", "agent_name": "Somebody"},
    changes={"name": "Back office"},
)
TRUNKS = Resource(
    "/sip-trunks",
    "trunks",
    "trunk",
    ("name", "provider", "address"),
    _trunk,
    write_only=frozenset({"auth_password"}),
    read_only=_TIMES | {"org_id": UNKNOWN_ID},
    changes={"name": "Second carrier"},
)

RESOURCES = (ASSISTANTS, AGENTS, NUMBERS, TRUNKS)

ROUTES: tuple[tuple[str, str], ...] = (
    ("GET", "/assistants"),
    ("POST", "/assistants"),
    ("GET", f"/assistants/{UNKNOWN_ID}"),
    ("PATCH", f"/assistants/{UNKNOWN_ID}"),
    ("DELETE", f"/assistants/{UNKNOWN_ID}"),
    ("GET", "/agents"),
    ("POST", "/agents"),
    ("GET", f"/agents/{UNKNOWN_ID}"),
    ("PATCH", f"/agents/{UNKNOWN_ID}"),
    ("DELETE", f"/agents/{UNKNOWN_ID}"),
    ("GET", "/numbers"),
    ("POST", "/numbers"),
    ("GET", f"/numbers/{UNKNOWN_ID}"),
    ("PATCH", f"/numbers/{UNKNOWN_ID}"),
    ("DELETE", f"/numbers/{UNKNOWN_ID}"),
    ("GET", "/sip-trunks"),
    ("POST", "/sip-trunks"),
    ("GET", f"/sip-trunks/{UNKNOWN_ID}"),
    ("PATCH", f"/sip-trunks/{UNKNOWN_ID}"),
    ("DELETE", f"/sip-trunks/{UNKNOWN_ID}"),
    ("GET", "/calls"),
    ("GET", "/calls/call-inbound-000000000000"),
    ("POST", "/calls/outbound"),
    ("POST", "/calls/call-inbound-000000000000/control"),
    ("GET", "/usage"),
    ("GET", "/voices"),
    ("GET", "/organizations"),
    ("POST", "/organizations"),
    ("PATCH", "/organizations"),
    ("GET", "/account"),
    ("GET", "/api-keys"),
    ("POST", "/api-keys"),
    ("DELETE", f"/api-keys/{UNKNOWN_ID}"),
    ("GET", "/webhook-deliveries"),
    ("POST", f"/webhook-deliveries/{UNKNOWN_ID}/replay"),
)
"""Every route that needs a key."""
BODY_ROUTES = tuple((method, path) for method, path in ROUTES if method in {"POST", "PATCH"} and "replay" not in path)
"""Every route that takes a body."""
