"""The cursor of the list: the last number shown, encoded so that no number stands in a URL."""

import base64

from sovereign.do_not_call import entry_ref
from sovereign.kernel.errors import InvalidRequestError


def to_cursor(phone_number: str) -> str:
    """The cursor behind a number."""
    return base64.urlsafe_b64encode(phone_number.encode()).decode().rstrip("=")


def from_cursor(cursor: str, org_id: str) -> str:
    """The number a cursor stands for. Raises InvalidRequestError for anything this API has not given out."""
    try:
        number = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        number = ""
    if entry_ref(org_id, number) is None:
        raise InvalidRequestError(details=["cursor: is not one of this list"])
    return number
