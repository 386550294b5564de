"""The one place that draws random identifiers and secrets."""

import hashlib
import secrets
import string
import uuid
from typing import Literal

Direction = Literal["inbound", "outbound", "web"]

API_KEY_PREFIX = "fl_live_"
_CALL_ALPHABET = string.ascii_letters + string.digits


def new_id() -> str:
    """A random UUID (version 4), the form of every id but a call's."""
    return str(uuid.uuid4())


def new_call_id(direction: Direction) -> str:
    """`call-<direction>-<12 random letters or digits>` (71 bits); opaque to clients."""
    return f"call-{direction}-" + "".join(secrets.choice(_CALL_ALPHABET) for _ in range(12))


def new_api_key() -> str:
    """`fl_live_` and 40 hexadecimal characters (160 bits)."""
    return API_KEY_PREFIX + secrets.token_hex(20)


def new_secret() -> str:
    """A random secret of 256 bits, hexadecimal."""
    return secrets.token_hex(32)


def api_key_hash(api_key: str) -> str:
    """SHA-256 of a key, hexadecimal: the only form in which a key is stored."""
    return hashlib.sha256(api_key.encode()).hexdigest()
