"""What a resource is that consists of one document: its members as JSON values, a version and times. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sovereign.kernel.clock import to_wire

Members = Mapping[str, Any]


@dataclass(frozen=True)
class Document:
    """A saved document; `members` are its writable members."""

    id: str
    org_id: str
    members: Members = field(repr=False)
    version: int
    created_at: datetime
    updated_at: datetime

    def public(self) -> dict[str, Any]:
        """As responses show it."""
        times = {"created_at": to_wire(self.created_at), "updated_at": to_wire(self.updated_at)}
        return {"id": self.id, "org_id": self.org_id, **self.members, **times}


def to_json(value: Any) -> str:
    """Compact JSON. The value is JSON already: it came from a request body or from the table."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def json_bytes(value: Any) -> int:
    """Size of a value as compact JSON in UTF-8."""
    return len(to_json(value).encode())
