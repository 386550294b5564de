"""What a resource is that consists of one document: its members as JSON values, a version and times. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sovereign.kernel.clock import to_wire
from sovereign.kernel.errors import BodyTooLargeError

SAVED_BYTES = 376 * 1024
"""Of a document with its encrypted secrets, both as JSON: the item that holds it has 400 KB."""
FROZEN_BYTES = 394 * 1024
"""The same of what a call keeps of it: what can be saved can be called, also with metadata of the call's own."""

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


class TokenRoom:
    """Keeps a document's encrypted secrets within what an item holds: each takes some 300 bytes, so that many of them
    outgrow a document that is itself within its bound."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0

    def take(self, place: str, token: str) -> None:
        """Count one token. Raises BodyTooLargeError at the first that cannot fit, before all others are made."""
        self._taken += len(place.encode()) + len(token)
        self._require(self._taken)

    def check(self, document: Any, tokens: Mapping[str, str]) -> None:
        """Raises BodyTooLargeError when the document and its tokens do not fit together."""
        self._require(json_bytes(document) + json_bytes(dict(tokens)))

    def _require(self, size: int) -> None:
        if size > self._limit:
            raise BodyTooLargeError(f"With its secrets encrypted it may be at most {self._limit} bytes as JSON.")
