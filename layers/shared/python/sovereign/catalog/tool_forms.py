"""The spellings in which a tool may be sent, and the one form in which it is stored."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from sovereign.catalog.base import Strict
from sovereign.catalog.tools import BUILT_IN, Tool, WebhookTool, tool_names

_DEPRECATED_TYPES = {"endCall": "end_call", "transferCall": "transfer_call"}


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
    return WebhookTool.model_validate(_flat({name: member for name, member in value.items() if name != "type"}))


def _flat(given: dict[str, Any]) -> dict[str, Any]:
    """Lift a nested function to the top and give the deprecated `async_response` its present name, `message`."""
    if "function" in given:
        function = given.pop("function")
        if not isinstance(function, Mapping):
            raise PydanticCustomError("object_type", "function must be an object")
        if unknown := set(function) - {"name", "description", "parameters", "strict"}:
            raise PydanticCustomError("extra_forbidden", "function has {count} unknown fields", {"count": len(unknown)})
        given |= {"description": "", **{name: function[name] for name in function if name != "strict"}}
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
