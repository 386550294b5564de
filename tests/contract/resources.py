"""What is the same for every resource: where it is, what it takes, how it is wrapped."""

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import signature
from itertools import count
from pathlib import Path
from typing import Any

from tests.contract.client import Api

UNKNOWN_ID = "11111111-2222-4333-8444-555555555555"
_serial = count(random.randrange(9_000_000))


def fresh_phone_number() -> str:
    """A valid number no test has used, in this run or an earlier one on the same platform: Dutch mobile numbers."""
    return f"+3161{next(_serial):07d}"


@dataclass(frozen=True)
class Resource:
    """A resource of the API. `sample` makes a body with the members that need no other object; it is given the client
    where the body cannot do without one. `free_objects` are required members that take any object; `unlisted` ones are
    left out of lists."""

    path: str
    plural: str
    singular: str
    required: tuple[str, ...]
    sample: Callable[[], dict[str, Any]] | Callable[[Api], dict[str, Any]]
    write_only: frozenset[str] = frozenset()
    read_only: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)
    free_objects: frozenset[str] = frozenset()
    unlisted: frozenset[str] = frozenset()

    def body(self, api: Api) -> dict[str, Any]:
        """A whole body to create one with."""
        return self.sample(api) if signature(self.sample).parameters else self.sample()  # type: ignore[call-arg]

    def as_listed(self, made: dict[str, Any]) -> dict[str, Any]:
        """An object as the list shows it."""
        return {name: value for name, value in made.items() if name not in self.unlisted}

    def create(self, api: Api, **members: Any) -> dict[str, Any]:
        """A new object."""
        made: dict[str, Any] = api.post(self.path, self.body(api) | members)[self.singular]
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

TOOL_TEMPLATES = Resource(
    "/tool-templates",
    "tool_templates",
    "tool_template",
    ("name", "tool_type", "tool_config"),
    lambda: {
        "name": "book",
        "description": "Books.",
        "tool_type": "function",
        "tool_config": {"description": "Books.", "url": "https://example.com/book", "async": True},
    },
    read_only=_TIMES | {"org_id": UNKNOWN_ID},
    changes={"description": None},
    free_objects=frozenset({"tool_config"}),
)
ANALYSIS_TEMPLATES = Resource(
    "/analysis-templates",
    "analysis_templates",
    "analysis_template",
    ("name", "system_prompt", "user_prompt", "schema"),
    lambda: {
        "name": "Mood",
        "description": "How it went.",
        "system_prompt": "You read transcripts.",
        "user_prompt": "{transcript}",
        "schema": {"type": "object", "properties": {"mood": {"type": "string"}}},
    },
    read_only=_TIMES | {"org_id": UNKNOWN_ID},
    changes={"description": None, "name": "Temper"},
    free_objects=frozenset({"schema"}),
)
WORKFLOWS = Resource(
    "/workflows",
    "workflows",
    "workflow",
    ("name", "definition"),
    lambda: {
        "name": "Intake",
        "is_active": False,
        "definition": {
            "version": 1,
            "entry_node": "hello",
            "nodes": [
                {"id": "hello", "type": "conversation", "instructions": "Greet."},
                {"id": "bye", "type": "end"},
            ],
            "edges": [{"from": "hello", "to": "bye", "description": "Done."}],
        },
    },
    read_only=_TIMES | {"node_count": 9, "edge_count": 9, "entry_node": "bye"},
    changes={"name": "Night intake"},
    unlisted=frozenset({"definition"}),
)
MCP_SERVERS = Resource(
    "/mcp-servers",
    "mcp_servers",
    "mcp_server",
    ("name", "url"),
    lambda: {
        "name": f"calendar {next(_serial)}",
        "url": "https://mcp.example.com/mcp",
        "transport": "sse",
        "timeout_seconds": 7,
        "headers": {"Authorization": "Bearer secret"},
    },
    write_only=frozenset({"headers"}),
    read_only=_TIMES | {"header_names": ["X-Other"]},
    changes={"timeout_seconds": 60},
)


RETRY = {
    "max_attempts": 5,
    "delay_minutes": 10,
    "busy": {"retry": True, "delay_minutes": 2},
    "no_answer": {"retry": True, "delay_minutes": None},
    "failed": {"retry": False, "delay_minutes": None},
    "voicemail": {"retry": True, "delay_minutes": 60},
    "max_attempts_per_day": 5,
}
"""Every member, as answers show them; requests may leave any out."""


def _campaign(api: Api) -> dict[str, Any]:
    return {
        "name": "Reminders",
        "agent_id": ASSISTANTS.create(api)["id"],
        "system_message_template": "Remind {{name}}.",
        "schedule_start_time": "22:00:00",
        "schedule_end_time": "06:30:00",
        "schedule_days": [0, 4],
        "timezone": "Europe/Amsterdam",
        "max_concurrency": 100,
        "calls_per_second": 0.1,
        "retry": RETRY,
        "leads": [{"phone_number": fresh_phone_number(), "variables": {"name": "Sam"}}],
    }


CAMPAIGNS = Resource(
    "/campaigns",
    "campaigns",
    "campaign",
    ("name", "agent_id", "schedule_start_time", "schedule_end_time", "timezone"),
    _campaign,
    write_only=frozenset({"leads"}),
    read_only=_TIMES | {"total_leads": 7, "pending_leads": 7, "completed_leads": 7, "skipped_leads": 7},
    changes={"system_message_template": None, "max_concurrency": 1},
)

RESOURCES = (
    ASSISTANTS,
    AGENTS,
    NUMBERS,
    TRUNKS,
    TOOL_TEMPLATES,
    ANALYSIS_TEMPLATES,
    WORKFLOWS,
    MCP_SERVERS,
    CAMPAIGNS,
)

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text())
"""The contract, from which the routes below are taken: one that is added is tested."""
UNKNOWN = {"call_id": "call-inbound-000000000000", "number": "+12025550199"}
"""What to put into a path where it is no UUID."""


def at_unknown(path: str) -> str:
    """A path of the document with ids that nobody has."""
    return re.sub(r"\{(\w+)\}", lambda match: UNKNOWN.get(match[1], UNKNOWN_ID), path)


_OPERATIONS = [
    (method.upper(), path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if operation.get("security") != []
]
ROUTES: tuple[tuple[str, str], ...] = tuple((method, at_unknown(path)) for method, path, _ in _OPERATIONS)
"""Every route that needs a key."""
BODY_ROUTES = tuple(
    (method, at_unknown(path))
    for method, path, operation in _OPERATIONS
    if operation.get("requestBody", {}).get("required")
)
"""Every route that takes a body and cannot do without."""
