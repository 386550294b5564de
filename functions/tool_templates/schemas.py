"""Bodies of the tool template routes."""

from typing import ClassVar

from pydantic import ConfigDict

from sovereign.http import RequestModel
from sovereign.tool_templates import ToolTemplateChanges, ToolTemplateSettings


class ToolTemplateCreate(RequestModel, ToolTemplateSettings):
    """A new template: `name`, `tool_type` and `tool_config` are required."""

    model_config = ConfigDict(defer_build=False)  # FastAPI builds it now in any case


class ToolTemplatePatch(RequestModel, ToolTemplateChanges):
    """Members to change; `tool_config` replaces the stored one whole."""

    model_config = ConfigDict(defer_build=False)  # FastAPI builds it now in any case

    read_only: ClassVar[frozenset[str]] = frozenset({"id", "org_id", "created_at", "updated_at"})
