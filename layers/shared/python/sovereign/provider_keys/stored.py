"""What an organization's secret holds: its keys by slot, their opaque ids and each slot's settings. Pure.

One JSON object, so that a key and the address it is meant for can never be read apart.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_SECRET_IDS, _CONFIG = "secret_ids", "config"


@dataclass(frozen=True)
class StoredKeys:
    """`keys` are in the clear; the members of the JSON object that are text are the keys, by slot (`openai`, ...)."""

    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_ids: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> "StoredKeys":
        """From a secret's text; anything that is not such an object holds no keys."""
        try:
            members = json.loads(text)
        except json.JSONDecodeError:
            return cls()
        if not isinstance(members, dict):
            return cls()
        keys = {slot: value for slot, value in members.items() if isinstance(value, str) and value}
        return cls(keys, _objects(members.get(_SECRET_IDS)), _objects(members.get(_CONFIG)))

    def to_text(self) -> str:
        """The secret's text."""
        return json.dumps({**self.keys, _SECRET_IDS: dict(self.secret_ids), _CONFIG: dict(self.config)})

    def base_url(self, slot: str) -> str | None:
        """The address that replaces the vendor's own for this key."""
        address = self.config.get(slot, {}).get("base_url")
        return address if isinstance(address, str) else None


def _objects(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
