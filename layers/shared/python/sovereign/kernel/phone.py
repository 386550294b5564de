"""Phone numbers in E.164, checked with the phone-number library's metadata (imported only when a number is read)."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_HINT = "must be a valid phone number in E.164 form, e.g. +31850835037"


def check_e164(text: str) -> str:
    """Return the number unchanged. Raises ValueError when it is not an assigned-range number in E.164 form."""
    import phonenumbers  # noqa: PLC0415 - 60 ms that only routes with numbers should pay

    if not _E164.fullmatch(text):
        raise ValueError(_HINT)
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        raise ValueError(_HINT) from None
    if not phonenumbers.is_valid_number(number):
        raise ValueError(_HINT)
    return text


def region_of(e164: str) -> str | None:
    """ISO 3166 alpha-2 region of a number, None for one that belongs to no country (satellite, international)."""
    import phonenumbers  # noqa: PLC0415 - as above

    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(e164))
    except phonenumbers.NumberParseException:
        return None
    return None if region in (None, "ZZ", "001") else region


E164 = Annotated[
    str, AfterValidator(check_e164), Field(json_schema_extra={"pattern": r"^\+[1-9][0-9]{6,14}$"}, max_length=16)
]
"""A field that holds a phone number in E.164."""
