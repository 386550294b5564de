"""Analysis templates."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from functions.analysis_templates.schemas import AnalysisTemplateCreate, AnalysisTemplatePatch
from sovereign.analysis_templates import AnalysisTemplateStore
from sovereign.http import CallerDep, TableDep

router = APIRouter(prefix="/analysis-templates", tags=["analysis templates"])


async def _store(table: TableDep) -> AnalysisTemplateStore:
    return AnalysisTemplateStore(table)


StoreDep = Annotated[AnalysisTemplateStore, Depends(_store)]


@router.get("", summary="List analysis templates")
def list_analysis_templates(caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """All templates, newest first."""
    return {"analysis_templates": [template.public() for template in store.list(caller.org_id)]}


@router.post("", status_code=201, summary="Create an analysis template")
def create_analysis_template(body: AnalysisTemplateCreate, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """Prompts and a schema that assistants name by id."""
    return {"analysis_template": store.create(caller.org_id, body.members()).public()}


@router.get("/{template_id}", summary="Get an analysis template")
def get_analysis_template(template_id: str, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """One template."""
    return {"analysis_template": store.get(caller.org_id, template_id).public()}


@router.patch("/{template_id}", summary="Change an analysis template")
def update_analysis_template(
    template_id: str, body: AnalysisTemplatePatch, caller: CallerDep, store: StoreDep
) -> dict[str, Any]:
    """Only the members that are sent change; calls analysed from now on use the changed template."""
    changed = store.update(
        caller.org_id, template_id, body.members(), accept=lambda stored: body.changes(stored.public())
    )
    return {"analysis_template": changed.public()}


@router.delete("/{template_id}", summary="Delete an analysis template")
def delete_analysis_template(template_id: str, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """Refused while an assistant uses it."""
    store.delete(caller.org_id, template_id)
    return {"success": True}
