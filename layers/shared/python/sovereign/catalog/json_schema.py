"""Checks of JSON Schemas that clients send: valid, self-contained and bounded in depth."""

from collections.abc import Iterable, Iterator
from typing import Any

MAX_DEPTH = 64
"""Nesting of any JSON value this API takes; deeper is refused before something recursive meets it."""


def check_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema unchanged. Raises ValueError saying where it is not valid JSON Schema (draft 2020-12)."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - slow to import, needed only when a schema is sent
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415

    if depth_exceeds(schema, MAX_DEPTH):
        raise ValueError(f"is nested more than {MAX_DEPTH} levels deep")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as failure:
        where = ".".join(str(step) for step in failure.absolute_path) or "its top"
        raise ValueError(f"is not valid JSON Schema at {where} ({failure.validator})") from None
    if any(not reference.startswith("#") for reference in _references(schema)):
        raise ValueError("may refer only to parts of itself ($ref must begin with #)")
    _try_out(Draft202012Validator(schema))
    return schema


def check_object_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """As `check_schema`, for a schema whose instances are objects (a tool's arguments)."""
    if schema.get("type", "object") != "object":
        raise ValueError('must describe an object ("type": "object")')
    return check_schema(schema)


def _try_out(validator: Any) -> None:
    """Meet the references now that would otherwise fail in the middle of a call."""
    from referencing.exceptions import Unresolvable  # noqa: PLC0415 - comes with jsonschema

    try:
        validator.is_valid({})
    except RecursionError:
        raise ValueError("refers to itself without end") from None
    except Unresolvable:
        raise ValueError("refers to a part that is not there ($ref)") from None


def depth_exceeds(value: Any, limit: int) -> bool:
    """Whether lists and objects nest deeper than `limit`; itself not recursive."""
    level = _nested([value])
    for _ in range(limit):
        level = _nested(child for parent in level for child in _children(parent))
    return bool(level)


def _nested(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, dict | list)]


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _references(schema: Any) -> Iterator[str]:
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield from (r for r in (value.get("$ref"), value.get("$dynamicRef")) if isinstance(r, str))
        waiting.extend(_children(value))
