"""Assistants, also under their older name `/agents`."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from functions.assistants.schemas import AssistantCreate, AssistantPatch
from sovereign.assistants import AssistantStore, SavedAssistant
from sovereign.http import CallerDep, TableDep
from sovereign.kernel.encryption import default_cipher


async def _store(table: TableDep) -> AssistantStore:
    return AssistantStore(table, default_cipher())


StoreDep = Annotated[AssistantStore, Depends(_store)]


def _routes(plural: str, singular: str) -> APIRouter:
    """The five routes under `/<plural>`, with their envelopes."""
    routes = APIRouter(prefix=f"/{plural}", tags=["assistants"])

    def envelope(saved: SavedAssistant) -> dict[str, Any]:
        warnings = {"warnings": list(saved.warnings)} if saved.warnings else {}
        return {singular: saved.assistant.public(), **warnings}

    @routes.get("", name=f"list_{plural}", summary=f"List {plural}")
    def list_assistants(caller: CallerDep, store: StoreDep) -> dict[str, Any]:
        """All assistants, newest first."""
        return {plural: [assistant.public() for assistant in store.list(caller.org_id)]}

    @routes.post("", status_code=201, name=f"create_{singular}", summary=f"Create an {singular}")
    def create_assistant(body: AssistantCreate, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
        """Only `name` is required; configurations left out take the deployment's defaults."""
        return envelope(store.create(caller.org_id, body))

    @routes.get("/{assistant_id}", name=f"get_{singular}", summary=f"Get an {singular}")
    def get_assistant(assistant_id: str, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
        """One assistant, its secrets masked."""
        return {singular: store.get(caller.org_id, assistant_id).public()}

    @routes.patch("/{assistant_id}", name=f"update_{singular}", summary=f"Change an {singular}")
    def update_assistant(assistant_id: str, body: AssistantPatch, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
        """Only the members that are sent change; running calls keep what they started with."""
        saved = store.update(caller.org_id, assistant_id, body, accept=lambda stored: body.changes(stored.public()))
        return envelope(saved)

    @routes.delete("/{assistant_id}", name=f"delete_{singular}", summary=f"Delete an {singular}")
    def delete_assistant(assistant_id: str, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
        """Refused while a number, a campaign or a workflow uses it."""
        store.delete(caller.org_id, assistant_id)
        return {"success": True}

    return routes


router = APIRouter()
router.include_router(_routes("assistants", "assistant"))
router.include_router(_routes("agents", "agent"))
