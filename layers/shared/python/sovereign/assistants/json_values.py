"""Bounds of free JSON that clients may attach: it must be storable text of limited size and depth."""

import json
from typing import Any

from sovereign.catalog.json_schema import MAX_DEPTH, depth_exceeds


def to_json(value: Any) -> str:
    """Compact JSON text. Raises ValueError when the value is nested too deeply or is no JSON in valid Unicode."""
    if depth_exceeds(value, MAX_DEPTH):
        raise ValueError(f"is nested more than {MAX_DEPTH} levels deep")
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode()
    except (TypeError, ValueError):
        raise ValueError("must be JSON in valid Unicode with finite numbers") from None
    return text


def check_size(value: dict[str, Any], limit: int) -> dict[str, Any]:
    """Return the value unchanged. Raises ValueError when its JSON is larger than `limit` bytes or no JSON at all."""
    if len(to_json(value).encode()) > limit:
        raise ValueError(f"must not be larger than {limit} bytes as JSON")
    return value
