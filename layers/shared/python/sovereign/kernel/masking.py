"""How a secret looks in a response, and how a mask that comes back leaves the stored value alone."""

import json
import re
from collections.abc import Mapping
from typing import Any

SECRET_NAMES = frozenset({
    "secret", "webhook_secret", "api_key", "auth_password", "headers", "x-amz-signature", "x-amz-security-token"
})  # fmt: skip
"""Members that are write-only or masked at any depth of a response; the last two sign an upload."""

_DOTS = "..."
_SHOW_LAST_FROM = 16
_PREFIX = re.compile(r"^[A-Za-z]{1,8}_")
_MASK = re.compile(r"^(?:[A-Za-z]{1,8}_)?\.\.\.(?:.{4})?$", re.DOTALL)


def mask_secret(value: str | None) -> str | None:
    """`whsec_...last4`: a known kind of prefix stays, the last four only from 16 characters on; None stays None."""
    if value is None:
        return None
    prefix = _PREFIX.match(value)
    shown = value[-4:] if len(value) >= _SHOW_LAST_FROM else ""
    return (prefix.group() if prefix and shown else "") + _DOTS + shown


def mask_value(value: Any) -> str:
    """The mask of a secret of any scalar kind: a number or a boolean is masked as its JSON text."""
    return mask_secret(value if isinstance(value, str) else json.dumps(value)) or ""


def is_mask(value: object) -> bool:
    """Whether a value has the form `mask_secret` gives."""
    return isinstance(value, str) and _MASK.match(value) is not None


def unmasked(new: str | None, old: str | None) -> str | None:
    """The secret to store: `old` when `new` is the mask of `old`, else `new`."""
    return old if new is not None and old is not None and new == mask_secret(old) else new


def masked(document: Any, *, secret: bool = False) -> Any:
    """A copy of a JSON document in which every secret member is masked, at any depth, with all there is in it.

    Masks and nulls stay. Not for documents with JSON Schemas in them: those name properties, they hold no secrets.
    """
    if isinstance(document, Mapping):
        return {name: masked(value, secret=secret or name in SECRET_NAMES) for name, value in document.items()}
    if isinstance(document, list | tuple):
        return [masked(member, secret=secret) for member in document]
    return mask_value(document) if secret and document is not None and not is_mask(document) else document


def without_secrets(document: Any) -> Any:
    """A copy of a JSON document in which every secret shown in the clear is null; masks stay."""
    if isinstance(document, Mapping):
        return {
            name: None
            if name in SECRET_NAMES and isinstance(value, str) and not is_mask(value)
            else without_secrets(value)
            for name, value in document.items()
        }
    if isinstance(document, list | tuple):
        return [without_secrets(member) for member in document]
    return document
