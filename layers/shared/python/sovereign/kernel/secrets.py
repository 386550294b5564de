"""Reads Secrets Manager, with a short in-process cache so that a hot path costs no request and rotation is noticed."""

import json
import time
from dataclasses import dataclass
from threading import Lock

from botocore.exceptions import ClientError

from sovereign.kernel import aws

MAX_AGE_SECONDS = 300.0
"""How long a value is served from memory; a rotated secret is seen everywhere after this long."""

_MAX_ENTRIES = 256


class SecretMissingError(LookupError):
    """The secret does not exist or has no text; the message names its id, never a value."""


@dataclass(frozen=True)
class _Cached:
    text: str
    read_at: float


_cache: dict[str, _Cached] = {}
_lock = Lock()


def read_secret(secret_id: str, *, max_age: float = MAX_AGE_SECONDS) -> str:
    """The secret's text. Raises SecretMissingError when there is none."""
    now = time.monotonic()
    cached = _cache.get(secret_id)
    if cached is not None and now - cached.read_at < max_age:
        return cached.text
    text = _fetch(secret_id)
    with _lock:
        if len(_cache) >= _MAX_ENTRIES:
            _cache.clear()
        _cache[secret_id] = _Cached(text, now)
    return text


def read_secret_members(secret_id: str, *, max_age: float = MAX_AGE_SECONDS) -> dict[str, str]:
    """A secret that holds a JSON object of strings. Raises SecretMissingError when it is absent or of another form."""
    try:
        members = json.loads(read_secret(secret_id, max_age=max_age))
    except json.JSONDecodeError:
        raise SecretMissingError(f"secret {secret_id} is not a JSON object") from None
    if not isinstance(members, dict):
        raise SecretMissingError(f"secret {secret_id} is not a JSON object")
    return {str(name): value for name, value in members.items() if isinstance(value, str)}


def forget_secrets() -> None:
    """Drop everything cached, so that the next read sees what is stored now."""
    with _lock:
        _cache.clear()


def _fetch(secret_id: str) -> str:
    try:
        text = aws.client("secretsmanager").get_secret_value(SecretId=secret_id).get("SecretString")
    except ClientError as failure:
        if failure.response["Error"]["Code"] == "ResourceNotFoundException":
            raise SecretMissingError(f"secret {secret_id} does not exist") from None
        raise
    if not text:
        raise SecretMissingError(f"secret {secret_id} has no text")
    return text
