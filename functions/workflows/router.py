"""Workflows."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from functions.workflows.schemas import WorkflowCreate, WorkflowPatch
from sovereign.http import CallerDep, TableDep
from sovereign.kernel.encryption import default_cipher
from sovereign.workflows import SavedWorkflow, WorkflowStore

router = APIRouter(prefix="/workflows", tags=["workflows"])


async def _store(table: TableDep) -> WorkflowStore:
    return WorkflowStore(table, default_cipher())


StoreDep = Annotated[WorkflowStore, Depends(_store)]


def _envelope(saved: SavedWorkflow) -> dict[str, Any]:
    warnings = {"warnings": list(saved.warnings)} if saved.warnings else {}
    return {"workflow": saved.workflow.public(), **warnings}


@router.get("", summary="List workflows")
def list_workflows(caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """All workflows without their definitions, newest first."""
    return {"workflows": [workflow.summary() for workflow in store.list(caller.org_id)]}


@router.post("", status_code=201, summary="Create a workflow")
def create_workflow(body: WorkflowCreate, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """The definition is checked as a whole; `details` names every problem."""
    return _envelope(store.create(caller.org_id, body))


@router.get("/{workflow_id}", summary="Get a workflow")
def get_workflow(workflow_id: str, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """One workflow with its definition."""
    return {"workflow": store.get(caller.org_id, workflow_id).public()}


@router.patch("/{workflow_id}", summary="Change a workflow")
def update_workflow(workflow_id: str, body: WorkflowPatch, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """Only the members that are sent change; a definition replaces the stored one whole."""
    saved = store.update(caller.org_id, workflow_id, body, accept=lambda stored: body.changes(stored.public()))
    return _envelope(saved)


@router.delete("/{workflow_id}", summary="Delete a workflow")
def delete_workflow(workflow_id: str, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """Refused while phone numbers use it."""
    store.delete(caller.org_id, workflow_id)
    return {"success": True}
