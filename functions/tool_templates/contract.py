"""What the tool template routes answer."""

from sovereign.http.contract.operation import Id, JsonObject, Moment, Operations, Resource, view
from sovereign.tool_templates import ToolTemplateSettings
from sovereign.tool_templates.model import EndCallConfig, FunctionConfig, TransferCallConfig

ToolConfig = FunctionConfig | TransferCallConfig | EndCallConfig

ToolTemplate = view("ToolTemplate", ToolTemplateSettings, id=Id, org_id=str, created_at=Moment, updated_at=Moment)
_CREATE: JsonObject = {
    "name": "book_appointment",
    "tool_type": "function",
    "tool_config": {
        "description": "Books an appointment.",
        "parameters": {"type": "object", "properties": {"day": {"type": "string"}}},
        "url": "https://example.com/book",
    },
}
_EXAMPLE: JsonObject = {
    "id": "3f1c6f0e-8f0a-4f5e-9a55-0d3b5a4c7e21",
    "org_id": "7b0d5f0c-63f8-4a35-8a0e-5a1f0d1e9b11",
    "description": None,
    **_CREATE,
    "created_at": "2026-11-23T09:30:00.000Z",
    "updated_at": "2026-11-23T09:30:00.000Z",
}

OPERATIONS: Operations = Resource(
    path="tool-templates",
    parameter="template_id",
    plural="tool_templates",
    singular="tool_template",
    shown=ToolTemplate,
    example=_EXAMPLE,
    create=_CREATE,
    change={"description": "For every branch."},
    members={"tool_config": ToolConfig},
).operations()
