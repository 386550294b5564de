"""Turns a failed validation into one line per problem, each beginning with the path of the field it is about.

A line never repeats the value that was sent: it may be a secret or what a person said.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sovereign.kernel.errors import InvalidRequestError

ModelType = TypeVar("ModelType", bound=BaseModel)
_NOTHING = object()

_WORDS = {
    "extra_forbidden": "unknown field",
    "missing": "required",
    "finite_number": "must be a finite number",
    "string_unicode": "must be valid Unicode text",
}


def problems_of(failure: ValidationError, at: str = "") -> list[str]:
    """One `path: what is wrong` per error; `at` is put before each path."""
    errors = failure.errors(include_url=False, include_input=False, include_context=False)
    return [f"{field_path(error['loc'], at)}: {_words(error['type'], error['msg'])}" for error in errors]


def field_path(location: Iterable[str | int], at: str = "") -> str:
    """`("llm_config", "tools", 0, "name")` as `llm_config.tools[0].name`; `body` when there is nothing to name."""
    path = at + "".join(f"[{step}]" if isinstance(step, int) else f".{_one_line(step)}" for step in location)
    return path.lstrip(".") or "body"


def validate(model: type[ModelType], value: Any, at: str = "") -> ModelType:
    """Validate, or raise InvalidRequestError with one `details` entry per problem."""
    try:
        return model.model_validate(value)
    except ValidationError as failure:
        raise InvalidRequestError(details=problems_of(failure, at)) from None


def read_stored(model: type[ModelType], value: Any) -> ModelType:
    """A configuration this platform stored. Members that are not known, at any depth, are passed over: while a deploy
    is under way a newer version may have stored what an older one reads. Raises pydantic's ValidationError."""
    try:
        return model.model_validate(value)
    except ValidationError as failure:
        known = deepcopy(value)
        unknown = [error["loc"] for error in failure.errors() if error["type"] == "extra_forbidden"]
        dropped = [_dropped(known, *location) for location in unknown]
        if not any(dropped):
            raise
        return model.model_validate(known)


def validate_stored(model: type[ModelType], value: Any, at: str = "") -> ModelType:
    """As `read_stored`; what cannot be read raises InvalidRequestError as `validate` does."""
    try:
        return read_stored(model, value)
    except ValidationError as failure:
        raise InvalidRequestError(details=problems_of(failure, at)) from None


def require_object(value: Any, at: str) -> Mapping[str, Any]:
    """The value as a JSON object, or InvalidRequestError naming `at`."""
    if isinstance(value, Mapping):
        return value
    raise InvalidRequestError(details=[f"{at}: must be an object"])


def _dropped(value: Any, *location: str | int) -> bool:
    *way, name = location
    for step in way:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return False
    # a place in a list is no member that is not known, but an element that holds some
    return isinstance(value, dict) and value.pop(name, _NOTHING) is not _NOTHING


def _words(kind: str, message: str) -> str:
    if kind in _WORDS:
        return _WORDS[kind]
    for prefix in ("Value error, ", "Input should be ", "String should "):
        if message.startswith(prefix):
            kept = "" if prefix.startswith("Value") else "should " if prefix.startswith("String") else "must be "
            return kept + message.removeprefix(prefix)
    return message[0].lower() + message[1:]


def _one_line(name: str) -> str:
    # an unknown member's name comes from the sender
    return name[:64].encode("ascii", "backslashreplace").decode()
