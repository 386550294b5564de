"""What a request body must be before any route sees it: JSON, bounded, unambiguous, storable."""

import json
import math
from typing import Any

from sovereign.kernel.errors import DomainError, InvalidRequestError, UnsupportedMediaTypeError

MAX_BODY_BYTES = 1024 * 1024
"""Bound on a request body (spec: Errors)."""
MAX_DEPTH = 64
"""Bound on the nesting of arrays and objects in a body (spec: Errors)."""

# The table keeps numbers of 38 digits between 1E-130 and 9.99E+125; anything else could not be stored as sent.
_MAX_INTEGER = 10**38
_SMALLEST, _LARGEST = 1e-130, 9.9e125


class InvalidJsonError(InvalidRequestError):
    """The body is not the JSON this API takes (400)."""

    code = "invalid_json"


class _DuplicateKeyError(ValueError):
    pass


def body_problem(content_type: str, body: bytes) -> DomainError | None:
    """Why a body is refused, None when it is fine (an empty one is: the route says whether it needs one)."""
    if not body:
        return None
    if not _is_json(content_type):
        return UnsupportedMediaTypeError("send Content-Type: application/json")
    try:
        _check(body)
    except InvalidRequestError as problem:
        return problem
    return None


def _is_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))


def _check(body: bytes) -> None:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as failure:
        raise InvalidJsonError(f"the body is not valid UTF-8 (byte {failure.start})") from None
    document = _parse(text)
    if text.count("{") + text.count("[") > MAX_DEPTH and _deeper_than(document, MAX_DEPTH):
        raise InvalidJsonError(f"the body nests deeper than {MAX_DEPTH} levels")
    if "\\u" in text:  # only an escape can bring in what valid UTF-8 and strict JSON rule out
        _check_strings(document)


def _parse(text: str) -> Any:
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_constant,
        )
    except RecursionError:
        raise InvalidJsonError(f"the body nests deeper than {MAX_DEPTH} levels") from None
    except _DuplicateKeyError:
        raise InvalidJsonError("an object in the body has the same key twice") from None
    except json.JSONDecodeError as failure:
        place = f"line {failure.lineno} column {failure.colno}"
        raise InvalidJsonError(f"the body is not valid JSON: {failure.msg} at {place}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _DuplicateKeyError
    return members


def _integer(digits: str) -> int:
    if len(digits) > 40 or abs(value := int(digits)) >= _MAX_INTEGER:
        raise InvalidJsonError("a number in the body has more than 38 digits")
    return value


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or (value and not _SMALLEST <= abs(value) <= _LARGEST):
        raise InvalidJsonError("a number in the body is out of range")
    return value


def _constant(name: str) -> float:
    raise InvalidJsonError(f"{name} is not a JSON number")


def _deeper_than(document: Any, bound: int) -> bool:
    level = [document]
    for _ in range(bound):
        level = [member for container in level for member in _members(container)]
        if not level:
            return False
    return any(isinstance(member, dict | list) for member in level)


def _members(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _check_strings(document: Any) -> None:
    pending = [document]
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            _check_string(value)
        elif isinstance(value, dict):
            pending.extend(value.keys())
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)


def _check_string(value: str) -> None:
    if "\x00" in value:
        raise InvalidJsonError("a string in the body holds a NUL character")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidJsonError("a string in the body holds a lone surrogate") from None
