"""Types of query parameters: text is read as JSON would write the value, and in no other way."""

from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

_BOOLEANS = {"true": True, "false": False}


def _integer(text: Any) -> Any:
    if isinstance(text, str) and not (text.removeprefix("-").isdecimal() and text.isascii()):
        raise PydanticCustomError("int_parsing", "must be an integer")
    return text


def _boolean(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    if text not in _BOOLEANS:
        raise PydanticCustomError("bool_parsing", "must be true or false")
    return _BOOLEANS[text]


PLAIN_DIGITS = BeforeValidator(_integer)
"""The last mark of an integer parameter, behind its bounds: no `1_0`, no `+1`, no `1.0`, no blanks."""
BoolParameter = Annotated[bool, BeforeValidator(_boolean)]
"""`true` or `false`."""
