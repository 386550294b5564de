"""The tools a model may be offered: the kinds, their members and the rules that hold for one tool.

Every kind is stored in one shape whichever spelling was sent: `tool_forms.AnyTool` is the field that reads them all.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator

from sovereign.catalog.base import Strict
from sovereign.catalog.json_schema import check_object_schema
from sovereign.kernel.egress import EgressRefusedError, check_url
from sovereign.kernel.phone import E164

NAME_RULE = r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$"
UUID_RULE = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"

ToolName = Annotated[str, Field(pattern=NAME_RULE)]
Uuid = Annotated[str, Field(pattern=UUID_RULE)]


def _check_url(url: str) -> str:
    try:
        return check_url(url)
    except EgressRefusedError as refused:
        raise ValueError(str(refused)) from None


Url = Annotated[str, AfterValidator(_check_url)]
"""An http(s) URL this platform may connect to as far as its text tells; the connection checks the address again."""


class EndCallTool(Strict):
    """The model may hang up."""

    type: Literal["end_call"]


class DtmfTool(Strict):
    """The model may send key tones to the other side."""

    type: Literal["dtmf"]


class TransferDestination(Strict):
    """A place the model may choose by its position in the list; `message` is spoken before the transfer."""

    type: Literal["number"]
    number: E164
    description: str
    message: str | None = None


class TransferCallTool(Strict):
    """The model may transfer the call to one of the listed destinations."""

    type: Literal["transfer_call"]
    destinations: Annotated[list[TransferDestination], Field(min_length=1)]


class ToolServer(Strict):
    """Where a webhook tool is sent when it has no `url`; its events are signed with `secret`."""

    url: Url | None = None
    secret: str | None = None


class WebhookTool(Strict):
    """A function of the customer. `message` is spoken while it runs (or, for an async tool, instead of waiting)."""

    name: ToolName
    description: str
    parameters: Annotated[dict[str, Any], AfterValidator(check_object_schema)] | None = None
    url: Url | None = None
    is_async: Annotated[bool, Field(alias="async")] = False
    message: str | None = None
    server: ToolServer | None = None

    @property
    def target(self) -> str | None:
        """The tool's own URL: `url` beats `server.url`; None means the assistant's webhook."""
        return self.url or (self.server.url if self.server else None)


class McpTool(Strict):
    """Tools of an MCP server. With `required` the call is not taken when the server cannot be reached."""

    type: Literal["mcp"]
    mcp_server_id: Uuid
    allowed_tools: Annotated[list[ToolName], Field(min_length=1, max_length=25)]
    required: bool = True

    @field_validator("allowed_tools")
    @classmethod
    def _unique(cls, names: list[str]) -> list[str]:
        if len(set(names)) != len(names):
            raise ValueError("names must be unique")
        return names


class TemplateTool(Strict):
    """A tool template, resolved when the call starts."""

    type: Literal["template"]
    template_id: Uuid


Tool = EndCallTool | DtmfTool | TransferCallTool | WebhookTool | McpTool | TemplateTool

BUILT_IN: dict[str, type[EndCallTool | DtmfTool | TransferCallTool | McpTool | TemplateTool]] = {
    "end_call": EndCallTool,
    "transfer_call": TransferCallTool,
    "dtmf": DtmfTool,
    "mcp": McpTool,
    "template": TemplateTool,
}
"""Kinds told apart by `type`; a webhook tool has none once it is stored."""


def tool_names(tool: Tool) -> list[str]:
    """The names under which the model sees a tool; a template's are known only when the call starts."""
    if isinstance(tool, WebhookTool):
        return [tool.name]
    if isinstance(tool, McpTool):
        return list(tool.allowed_tools)
    return [] if isinstance(tool, TemplateTool) else [tool.type]
