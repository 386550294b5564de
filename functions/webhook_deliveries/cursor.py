"""The cursor of a list: the last record's key, opaque to clients and only ever looked up in their own partition."""

import base64

from sovereign.kernel.errors import InvalidRequestError


def to_cursor(key: str) -> str:
    """The cursor behind a record."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def from_cursor(cursor: str) -> str:
    """The key a cursor stands for. Raises InvalidRequestError for anything this API has not given out."""
    try:
        key = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        key = ""
    if "#" not in key:
        raise InvalidRequestError(details=["cursor: is not one of this list"])
    return key
