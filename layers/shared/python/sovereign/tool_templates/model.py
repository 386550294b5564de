"""A tool template: what is written for each kind of tool, and the tool an assistant gets from it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from sovereign.catalog.base import Strict
from sovereign.catalog.json_schema import check_object_schema
from sovereign.catalog.problems import validate, validate_stored
from sovereign.catalog.tools import (
    NAME_RULE,
    EndCallTool,
    Tool,
    ToolName,
    TransferCallTool,
    TransferDestination,
    Url,
    WebhookTool,
)
from sovereign.kernel.documents import Document, Members, json_bytes
from sovereign.kernel.errors import InvalidRequestError
from sovereign.kernel.spellings import canonical_word

KIND = "TOOL_TEMPLATE"
MAX_CONFIG_BYTES = 32 * 1024
"""Of a template's `tool_config` as JSON: it becomes part of the assistant of every call that uses it."""

ToolType = Literal["function", "end_call", "transfer_call"]


class FunctionConfig(Strict):
    """A webhook tool. `name` and `description` fall back to the template's own."""

    name: ToolName | None = None
    description: Annotated[str, Field(max_length=8000)] | None = None
    parameters: Annotated[dict[str, Any], AfterValidator(check_object_schema)] | None = None
    url: Url | None = None
    is_async: Annotated[bool, Field(alias="async")] = False


class EndCallConfig(Strict):
    """Hanging up takes no settings."""


class TransferCallConfig(Strict):
    """Where the model may transfer to."""

    destinations: Annotated[list[TransferDestination], Field(min_length=1)]


_CONFIGS: Mapping[ToolType, type[Strict]] = {
    "function": FunctionConfig,
    "end_call": EndCallConfig,
    "transfer_call": TransferCallConfig,
}


class ToolTemplateOptions(Strict):
    """The members that may be left out."""

    description: Annotated[str, Field(max_length=2000)] | None = None


class ToolTemplateSettings(ToolTemplateOptions):
    """The writable members. What `tool_config` may hold depends on `tool_type`."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    tool_type: Annotated[ToolType, BeforeValidator(canonical_word)]
    tool_config: dict[str, Any]


class ToolTemplateChanges(ToolTemplateOptions):
    """A change: only the members that were sent count."""

    name: Annotated[str, Field(min_length=1, max_length=200)] = Field(default_factory=str)
    tool_type: Annotated[ToolType, BeforeValidator(canonical_word)] = "function"
    tool_config: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True)
class ToolTemplate(Document):
    """A saved template."""

    @property
    def tool(self) -> Tool:
        """The tool an assistant that names the template is offered."""
        config = validate_stored(_CONFIGS[self.members["tool_type"]], self.members["tool_config"], "tool_config")
        if isinstance(config, TransferCallConfig):
            return TransferCallTool(type="transfer_call", destinations=config.destinations)
        if not isinstance(config, FunctionConfig):
            return EndCallTool(type="end_call")
        own = config.model_dump(by_alias=True, exclude_none=True)
        inherited = {"name": self.members["name"], "description": self.members["description"] or ""}
        return WebhookTool.model_validate(inherited | own)


def members_of(given: Mapping[str, Any]) -> Members:
    """The members to store of a new template. Raises InvalidRequestError naming every bad one."""
    settings = validate(ToolTemplateSettings, given)
    config = _checked_config(settings.tool_type, settings.tool_config)
    if isinstance(config, FunctionConfig) and config.name is None and not re.fullmatch(NAME_RULE, settings.name):
        rule = "letters, digits, _ and - after a letter or _, at most 64"
        raise InvalidRequestError(
            details=[f"name: must be a tool's name ({rule}), or tool_config.name must be given"],
        )
    # as it was sent, so that a template can be read, changed in one member and sent back
    return {
        "name": settings.name,
        "description": settings.description,
        "tool_type": settings.tool_type,
        "tool_config": config.model_dump(mode="json", by_alias=True, exclude_unset=True),
    }


def changed_members(stored: Members, given: Mapping[str, Any]) -> Members:
    """The members to store when `given` are sent. Another `tool_type` needs a `tool_config` of its own."""
    if given.get("tool_type", stored["tool_type"]) != stored["tool_type"] and "tool_config" not in given:
        raise InvalidRequestError(details=["tool_config: required when tool_type changes"])
    return members_of({**stored, **given})


def _checked_config(tool_type: ToolType, given: Mapping[str, Any]) -> Strict:
    if json_bytes(given) > MAX_CONFIG_BYTES:
        raise InvalidRequestError(details=[f"tool_config: must not be larger than {MAX_CONFIG_BYTES} bytes as JSON"])
    return validate(_CONFIGS[tool_type], given, "tool_config")
