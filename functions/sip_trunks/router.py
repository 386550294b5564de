"""SIP trunks."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from functions.sip_trunks.schemas import TrunkCreate, TrunkPatch
from sovereign.http import CallerDep, TableDep
from sovereign.kernel.encryption import default_cipher
from sovereign.sip_trunks import SipTrunk, TrunkStore, warnings_of

router = APIRouter(prefix="/sip-trunks", tags=["sip trunks"])


async def _store(table: TableDep) -> TrunkStore:
    return TrunkStore(table, default_cipher())


def _saved(trunk: SipTrunk) -> dict[str, Any]:
    warnings = warnings_of(trunk.settings)
    return {"trunk": trunk.public(), **({"warnings": warnings} if warnings else {})}


StoreDep = Annotated[TrunkStore, Depends(_store)]


@router.get("", summary="List SIP trunks")
def list_trunks(caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """All trunks, newest first."""
    return {"trunks": [trunk.public() for trunk in store.list(caller.org_id)]}


@router.post("", status_code=201, summary="Create a SIP trunk")
def create_trunk(body: TrunkCreate, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """A way to and from a carrier or PBX."""
    return _saved(store.create(caller.org_id, body.settings(), body.auth_password))


@router.get("/{trunk_id}", summary="Get a SIP trunk")
def get_trunk(trunk_id: str, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """One trunk."""
    return {"trunk": store.get(caller.org_id, trunk_id).public()}


@router.patch("/{trunk_id}", summary="Change a SIP trunk")
def update_trunk(trunk_id: str, body: TrunkPatch, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """Only the members that are sent change; so passwords can be rotated."""
    trunk = store.update(caller.org_id, trunk_id, body.given(), accept=lambda stored: body.changes(stored.public()))
    return _saved(trunk)


@router.delete("/{trunk_id}", summary="Delete a SIP trunk")
def delete_trunk(trunk_id: str, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """Refused while a number uses it."""
    store.delete(caller.org_id, trunk_id)
    return {"success": True}
