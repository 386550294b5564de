"""The rules of an organization's own keys: what may be stored, and that a key never moves to another host."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from sovereign.catalog.base import Strict
from sovereign.catalog.registry import BYOK_PROVIDERS
from sovereign.catalog.tools import Url
from sovereign.kernel.errors import InvalidRequestError
from sovereign.kernel.masking import is_mask
from sovereign.provider_keys.stored import StoredKeys

Slot = Literal[
    "deepgram", "openai", "elevenlabs", "inworld", "resend", "xai", "gladia", "mistral", "google", "google_vertex",
]  # fmt: skip
MAX_KEY_LENGTH = 4096
"""Ten such keys fit into one secret (64 KB); a Google service account has about 2,400 characters."""

_VENDOR_HOSTS = {"openai": ("https", "api.openai.com", 443)}
_PORTS = {"http": 80, "https": 443}
_WITH_BASE_URL = frozenset(_VENDOR_HOSTS)


def _not_a_mask(key: str) -> str:
    if is_mask(key):
        raise ValueError("is a mask; send the key itself")
    return key


ApiKey = Annotated[str, Field(min_length=1, max_length=MAX_KEY_LENGTH), AfterValidator(_not_a_mask)]


class KeySettings(Strict):
    """What may be set for a key. `base_url` points `openai` at a service that speaks the same protocol."""

    base_url: Url | None = None


def check_key(slot: Slot, key: str) -> str:
    """Return the key. Raises InvalidRequestError for one that could not be sent, or is of the wrong kind."""
    if slot == "google_vertex":
        if not isinstance(_json(key), Mapping):
            raise InvalidRequestError(details=["api_key: must be a service account key as JSON"])
    elif not (key.isascii() and key.isprintable()) or " " in key:
        raise InvalidRequestError(details=["api_key: must be visible ASCII characters without spaces"])
    return key


def with_key(stored: StoredKeys, slot: Slot, key: str, new_id: str) -> StoredKeys:
    """The keys with a new or rotated one; a rotated key keeps its id and settings."""
    secret_ids = {slot: new_id, **stored.secret_ids}
    return replace(stored, keys={**stored.keys, slot: check_key(slot, key)}, secret_ids=secret_ids)


def without_key(stored: StoredKeys, slot: Slot) -> StoredKeys:
    """The keys without one, its id and its settings: the platform's own counts from then on."""
    return StoredKeys(*(_without(part, slot) for part in (stored.keys, stored.secret_ids, stored.config)))


def with_config(stored: StoredKeys, slot: Slot, given: Mapping[str, Any], key: str | None) -> StoredKeys:
    """The keys with settings merged into a slot's; a null clears one.

    Raises InvalidRequestError without a stored key, for a setting the slot does not have, and when the address moves
    to another host while no `key` comes with it: a stored key is never sent anywhere it was not given for.
    """
    if slot not in stored.keys:
        raise InvalidRequestError(f"There is no key of {slot} to set anything for; store one first.")
    if "base_url" in given and slot not in _WITH_BASE_URL:
        raise InvalidRequestError(details=[f"config.base_url: {slot} has no other address"])
    merged = {**stored.config.get(slot, {}), **given}
    settings = {name: value for name, value in merged.items() if value is not None}
    changed = replace(stored, config={**stored.config, slot: settings})
    if _host(slot, stored) != _host(slot, changed) and key is None:
        raise InvalidRequestError(details=["api_key: required when base_url moves to another host"])
    return changed if key is None else replace(changed, keys={**stored.keys, slot: check_key(slot, key)})


def secret_ids_of(stored: StoredKeys) -> dict[str, str | None]:
    """`byok_keys` of responses: one `<slot>_secret_id` for every slot, null where there is no key."""
    return {f"{slot}_secret_id": stored.secret_ids.get(slot) for slot in BYOK_PROVIDERS}


def config_of(stored: StoredKeys) -> dict[str, Mapping[str, Any]]:
    """`byok_config` of responses: the settings of every slot with a key."""
    return {slot: stored.config.get(slot, {}) for slot in BYOK_PROVIDERS if slot in stored.keys}


def _host(slot: Slot, stored: StoredKeys) -> tuple[str, str, int] | None:
    address = stored.base_url(slot)
    if address is None:
        return _VENDOR_HOSTS.get(slot)
    parts = urlsplit(address)
    return parts.scheme, (parts.hostname or "").rstrip("."), parts.port or _PORTS[parts.scheme]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _without(part: Mapping[str, Any], slot: str) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name != slot}
