"""An API key and what it grants; pure."""

from dataclasses import dataclass
from datetime import datetime

DEFAULT_RATE_LIMIT_PER_MINUTE = 100
"""Requests a minute of a key whose limit nobody changed (spec: Rate limits)."""

MAX_KEYS_PER_ORGANIZATION = 50
"""So that suspending an organization reaches all its keys in one transaction of at most 100 writes."""


@dataclass(frozen=True)
class ApiKey:
    """A key as its organization sees it; the secret itself is not kept. `rate_limit_per_minute` None = unlimited."""

    id: str
    org_id: str
    name: str
    last_four: str
    key_hash: str
    rate_limit_per_minute: int | None
    created_at: datetime


@dataclass(frozen=True)
class KeyGrant:
    """What a presented key allows: its organization, that one's parent, its limit, and whether it is suspended."""

    key_id: str
    org_id: str
    parent_org_id: str | None
    rate_limit_per_minute: int | None
    suspended: bool
