"""Checks of JSON Schemas that clients send: valid, self-contained, bounded in depth and in the work they cause."""

from collections.abc import Iterable, Iterator
from typing import Any

from sovereign.catalog.schema_validation import schema_problems

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
    except (OverflowError, RecursionError):  # of the compiler of regular expressions
        raise ValueError("has a pattern that is too complex") from None
    _require_self_contained(schema)
    schema_problems(schema, {})  # meets the references now that would otherwise fail in the middle of a call
    return schema


def check_object_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """As `check_schema`, for a schema whose instances are objects (a tool's arguments)."""
    if schema.get("type", "object") != "object":
        raise ValueError('must describe an object ("type": "object")')
    return check_schema(schema)


def _require_self_contained(schema: dict[str, Any]) -> None:
    """No reference leads out, and no part is written in a dialect of its own."""
    for part in _objects(schema):
        references = (part.get("$ref"), part.get("$dynamicRef"))
        if any(isinstance(reference, str) and not reference.startswith("#") for reference in references):
            raise ValueError("may refer only to parts of itself ($ref must begin with #)")
        if part is not schema and isinstance(part.get("$schema"), str):
            raise ValueError("may have $schema only at its top")


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


def _objects(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    waiting: list[Any] = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
        waiting.extend(_children(value))
