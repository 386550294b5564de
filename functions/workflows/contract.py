"""What the workflow routes answer."""

from typing import Any

from sovereign.http.contract.operation import Id, JsonObject, Moment, Operations, Resource, view
from sovereign.workflows import WorkflowSettings

_SUMMARY: dict[str, Any] = {
    "id": Id,
    "entry_node": str,
    "node_count": int,
    "edge_count": int,
    "created_at": Moment,
    "updated_at": Moment,
}
Workflow = view("Workflow", WorkflowSettings, **_SUMMARY)
ListedWorkflow = view("ListedWorkflow", WorkflowSettings, without=("definition",), **_SUMMARY)

_CREATE: JsonObject = {
    "name": "Intake",
    "is_active": False,
    "definition": {
        "version": 1,
        "entry_node": "greeting",
        "nodes": [
            {"id": "greeting", "type": "conversation", "instructions": "Ask how you can help."},
            {"id": "goodbye", "type": "end", "first_line": "Goodbye."},
        ],
        "edges": [{"from": "greeting", "to": "goodbye", "description": "The caller is done."}],
    },
}
_LISTED: JsonObject = {
    "id": "3f1c6f0e-8f0a-4f5e-9a55-0d3b5a4c7e21",
    "name": "Intake",
    "is_active": False,
    "entry_node": "greeting",
    "node_count": 2,
    "edge_count": 1,
    "created_at": "2026-11-23T09:30:00.000Z",
    "updated_at": "2026-11-23T09:30:00.000Z",
}

OPERATIONS: Operations = Resource(
    path="workflows",
    parameter="workflow_id",
    plural="workflows",
    singular="workflow",
    shown=Workflow,
    example={**_LISTED, "definition": _CREATE["definition"]},
    create=_CREATE,
    change={"name": "Intake, evenings"},
    listed=ListedWorkflow,
    listed_example=_LISTED,
    warns=True,
).operations()
