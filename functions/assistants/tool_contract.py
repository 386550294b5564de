"""The forms in which a tool may be sent beside the one in which it is stored."""

from typing import Annotated, Any, Literal

from pydantic import Field

from sovereign.catalog.base import Strict
from sovereign.catalog.tools import ToolName, ToolServer, Url
from sovereign.http.contract.operation import JsonObject, schema_of

_WEBHOOK_TOOL = {"$ref": "#/components/schemas/WebhookTool"}
_NO_TOOL: JsonObject = {
    "type": "object",
    "maxProperties": 0,
    "deprecated": True,
    "description": "Counts as no tool; older examples carry it.",
}


class NestedFunction(Strict):
    """The function of a nested tool; `strict` has no effect."""

    name: ToolName
    description: str = ""
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class NestedTool(Strict):
    """A webhook tool in the nested form; stored flat."""

    type: Literal["function"] | None = None
    function: NestedFunction
    url: Url | None = None
    is_async: Annotated[bool, Field(alias="async")] = False
    message: str | None = None
    server: ToolServer | None = None


def complete_tools(components: JsonObject) -> None:
    """Add the nested form wherever a webhook tool is taken, and the deprecated names of its members."""
    nested = schema_of(NestedTool, components)
    components["NestedTool"] = nested
    for schema in (components["WebhookTool"], nested):
        spoken = {**schema["properties"]["message"], "deprecated": True, "description": "As `message`."}
        schema["properties"]["async_response"] = spoken
    components["WebhookTool"]["properties"]["type"] = {"anyOf": [{"const": "function"}, {"type": "null"}]}
    for component in components.values():
        _extend(component)


def _extend(schema: Any) -> None:
    if isinstance(schema, list):
        for entry in schema:
            _extend(entry)
    if not isinstance(schema, dict):
        return
    choices = schema.get("anyOf", [])
    if _WEBHOOK_TOOL in choices:
        choices += [{"$ref": "#/components/schemas/NestedTool"}, _NO_TOOL]
    for value in schema.values():
        _extend(value)
