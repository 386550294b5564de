"""Tool templates: tools saved once and named by many assistants, resolved when a call starts."""

from sovereign.tool_templates.model import KIND, ToolTemplate, ToolTemplateChanges, ToolTemplateSettings
from sovereign.tool_templates.store import ToolTemplateStore

__all__ = [
    "KIND",
    "ToolTemplate",
    "ToolTemplateChanges",
    "ToolTemplateSettings",
    "ToolTemplateStore",
]
