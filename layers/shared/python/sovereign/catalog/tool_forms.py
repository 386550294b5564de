"""The spellings in which a tool may be sent, and the one form in which it is stored."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import InitErrorDetails, PydanticCustomError

from sovereign.catalog.base import Strict
from sovereign.catalog.tools import BUILT_IN, Tool, WebhookTool, tool_names

_DEPRECATED_TYPES = {"endCall": "end_call", "transferCall": "transfer_call"}
_NESTED = frozenset({"name", "description", "parameters"})
"""Members of a nested function; OpenAI's `strict` is accepted beside them and has no effect."""


def read_tool(value: Any, _union: ValidatorFunctionWrapHandler) -> Tool:
    """Any documented form of a tool. Raises pydantic's errors, located inside the tool as it was sent."""
    if isinstance(value, Strict):
        return value  # type: ignore[return-value]  # only tools reach this field as instances
    if not isinstance(value, Mapping):
        raise PydanticCustomError("object_type", "must be an object")
    kind = value.get("type")
    kind = _DEPRECATED_TYPES.get(kind, kind) if isinstance(kind, str) else kind
    if isinstance(kind, str) and kind in BUILT_IN:
        return BUILT_IN[kind].model_validate({**value, "type": kind})
    if kind not in (None, "function"):
        raise PydanticCustomError(
            "unknown_tool", "type must be one of {known}, function", {"known": ", ".join(BUILT_IN)}
        )
    given = {name: member for name, member in value.items() if name != "type"}
    if "function" not in given:
        return WebhookTool.model_validate(_present(given))
    return _read_nested(given.pop("function"), given)


def _read_nested(function: Any, beside: dict[str, Any]) -> WebhookTool:
    """A function whose own members are nested; its problems are located there."""
    if not isinstance(function, Mapping):
        raise PydanticCustomError("object_type", "function must be an object")
    if unknown := sorted(set(function) - _NESTED - {"strict"}):
        raise _problems([("extra_forbidden", "Extra inputs are not permitted", ("function", name)) for name in unknown])
    own = {name: function[name] for name in function if name != "strict"}
    try:
        return WebhookTool.model_validate(_present(beside | {"description": ""} | own))
    except ValidationError as failure:
        found = [(problem["type"], problem["msg"], problem["loc"]) for problem in failure.errors(include_url=False)]
        moved = [(kind, msg, ("function", *loc) if loc[0] in _NESTED else loc) for kind, msg, loc in found]
        raise _problems(moved) from None


def _problems(found: Sequence[tuple[str, str, tuple[str | int, ...]]]) -> ValidationError:
    """Kinds, messages and places as one validation error."""
    lines = [
        InitErrorDetails(type=PydanticCustomError(kind, "{problem}", {"problem": message}), loc=place, input=None)
        for kind, message, place in found
    ]
    return ValidationError.from_exception_data("WebhookTool", lines)


def _present(given: dict[str, Any]) -> dict[str, Any]:
    """The members with the deprecated `async_response` under its present name, `message`."""
    if "async_response" in given:
        spoken = given.pop("async_response")
        if given.setdefault("message", spoken) != spoken:
            raise PydanticCustomError("ambiguous", "message and async_response differ")
    return given


def _check_names(tools: list[Tool]) -> list[Tool]:
    names = [name for tool in tools for name in tool_names(tool)]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"names must be unique, repeated: {', '.join(repeated)}")
    return tools


AnyTool = Annotated[Tool, WrapValidator(read_tool)]
Tools = Annotated[list[AnyTool], AfterValidator(_check_names)]
"""A field that takes a list of tools in any documented form; names are unique within it."""
