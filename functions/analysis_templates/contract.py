"""What the analysis template routes answer."""

from sovereign.analysis_templates import AnalysisTemplateSettings
from sovereign.http.contract.operation import Id, JsonObject, Moment, Operations, Resource, view

AnalysisTemplate = view(
    "AnalysisTemplate", AnalysisTemplateSettings, id=Id, org_id=str, created_at=Moment, updated_at=Moment
)
_CREATE: JsonObject = {
    "name": "Satisfaction",
    "system_prompt": "You read transcripts.",
    "user_prompt": "Was the caller satisfied? {transcript}",
    "schema": {"type": "object", "properties": {"satisfied": {"type": "boolean"}}},
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
    path="analysis-templates",
    parameter="template_id",
    plural="analysis_templates",
    singular="analysis_template",
    shown=AnalysisTemplate,
    example=_EXAMPLE,
    create=_CREATE,
    change={"description": "Asked after every call."},
).operations()
