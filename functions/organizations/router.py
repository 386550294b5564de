"""Routes of the caller's organization and its children."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from functions.organizations.schemas import (
    PARENT_ONLY,
    OrganizationCreate,
    OrganizationPatch,
    organization_view,
)
from sovereign.http import BoolParameter, CallerDep, TableDep
from sovereign.kernel.clock import to_wire, utc_now
from sovereign.kernel.encryption import default_cipher
from sovereign.kernel.errors import ForbiddenError, NotFoundError
from sovereign.kernel.settings import Environment, read_environment
from sovereign.organizations import Organization, OrganizationStore
from sovereign.organizations.items import policy_to_item
from sovereign.organizations.model import OutboundPolicy, check_retention
from sovereign.organizations.overview import read_overview
from sovereign.organizations.webhook import with_stored_secret

router = APIRouter(tags=["organization"])


class OrganizationsEnvironment(Environment):
    """DEFAULT_PROVIDERS: `local` where the keyless providers are what a new assistant gets."""

    default_providers: str = "cloud"


async def _store(table: TableDep) -> OrganizationStore:
    return OrganizationStore(table)


StoreDep = Annotated[OrganizationStore, Depends(_store)]


@router.get("/organizations", summary="Get the organization")
@router.get("/account", deprecated=True, name="read_account", summary="Get the organization")
def read_organization(
    caller: CallerDep, table: TableDep, store: StoreDep, include_children: BoolParameter = False
) -> dict[str, Any]:
    """The caller's organization."""
    organization, counts = read_overview(table, caller.org_id)
    children = store.children(caller.org_id) if include_children else None
    return organization_view(organization, counts, has_local_models_access=_local_models(), children=children)


@router.post("/organizations", status_code=201, summary="Create a child organization")
def create_child_organization(caller: CallerDep, store: StoreDep, body: OrganizationCreate) -> dict[str, Any]:
    """A child of the caller's organization, with its own key, shown once."""
    if caller.parent_org_id is not None:
        raise ForbiddenError("a child organization cannot have children")
    if body.parent_org_id not in {None, caller.org_id}:
        raise ForbiddenError("this key may only create children of its own organization")
    billing_mode = store.get(caller.org_id).billing_mode  # the parent pays, so a child is billed as its parent is
    created = store.create(body.name, billing_mode=billing_mode, parent_org_id=caller.org_id)
    return {
        "id": created.organization.id,
        "name": created.organization.name,
        "parent_org_id": created.organization.parent_org_id,
        "api_key": created.secret,
        "created_at": to_wire(created.organization.created_at),
    }


@router.patch("/organizations", summary="Change the organization, or a child")
def change_organization(caller: CallerDep, table: TableDep, store: StoreDep, body: OrganizationPatch) -> dict[str, Any]:
    """Change the caller's own settings, or what a parent sets for the child named by `id`."""
    if "billing_mode" in body.model_fields_set:
        raise ForbiddenError("billing_mode is the operator's to change")
    own = body.id in {None, caller.org_id}
    organization, counts = read_overview(table, caller.org_id if own else str(body.id))
    if not own and organization.parent_org_id != caller.org_id:
        raise NotFoundError("no such organization")
    children = store.children(organization.id) if body.sends_back("children") else None
    shown = organization_view(organization, counts, has_local_models_access=_local_models(), children=children)
    changes = {name: value for name, value in body.changes(shown).items() if name != "id"}
    changes = _own_changes(organization, changes) if own else _child_changes(changes)
    changed = store.update(organization, changes) if changes else organization
    return organization_view(changed, counts, has_local_models_access=_local_models())


def _own_changes(organization: Organization, changes: dict[str, Any]) -> dict[str, Any]:
    refused = sorted(name for name in PARENT_ONLY & changes.keys() if changes[name] != getattr(organization, name))
    if refused:
        raise ForbiddenError(f"{refused[0]} is set by the parent organization for its child")
    changes = {name: value for name, value in changes.items() if name not in PARENT_ONLY}
    check_retention(changes)
    if "outbound_policy" in changes:  # null brings back the defaults
        changes["outbound_policy"] = policy_to_item(OutboundPolicy(**changes["outbound_policy"] or {}))
    return with_stored_secret(organization, changes, default_cipher(), utc_now())


def _child_changes(changes: dict[str, Any]) -> dict[str, Any]:
    refused = sorted(changes.keys() - PARENT_ONLY)
    if refused:
        raise ForbiddenError(f"a parent sets {' and '.join(sorted(PARENT_ONLY))} of its child, not {refused[0]}")
    return changes


def _local_models() -> bool:
    environment: OrganizationsEnvironment = read_environment(OrganizationsEnvironment)
    return environment.default_providers == "local"
