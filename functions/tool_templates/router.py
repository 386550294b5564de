"""Tool templates."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from functions.tool_templates.schemas import ToolTemplateCreate, ToolTemplatePatch
from sovereign.http import CallerDep, TableDep
from sovereign.tool_templates import ToolTemplateStore

router = APIRouter(prefix="/tool-templates", tags=["tool templates"])


async def _store(table: TableDep) -> ToolTemplateStore:
    return ToolTemplateStore(table)


StoreDep = Annotated[ToolTemplateStore, Depends(_store)]


@router.get("", summary="List tool templates")
def list_tool_templates(caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """All templates, newest first."""
    return {"tool_templates": [template.public() for template in store.list(caller.org_id)]}


@router.post("", status_code=201, summary="Create a tool template")
def create_tool_template(body: ToolTemplateCreate, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """A tool that assistants name by its id."""
    return {"tool_template": store.create(caller.org_id, body.given()).public()}


@router.get("/{template_id}", summary="Get a tool template")
def get_tool_template(template_id: str, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """One template."""
    return {"tool_template": store.get(caller.org_id, template_id).public()}


@router.patch("/{template_id}", summary="Change a tool template")
def update_tool_template(
    template_id: str, body: ToolTemplatePatch, caller: CallerDep, store: StoreDep
) -> dict[str, Any]:
    """Only the members that are sent change; calls that start from now on have the changed tool."""
    changed = store.update(
        caller.org_id, template_id, body.given(), accept=lambda stored: body.changes(stored.public())
    )
    return {"tool_template": changed.public()}


@router.delete("/{template_id}", summary="Delete a tool template")
def delete_tool_template(template_id: str, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """Refused while an assistant uses it."""
    store.delete(caller.org_id, template_id)
    return {"success": True}
