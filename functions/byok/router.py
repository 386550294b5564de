"""An organization's own provider keys. No response ever holds one."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from functions.byok.schemas import ConfigBody, KeyBody, SlotBody
from sovereign.byok import KeyVault, offered_providers, with_config, with_key, without_key
from sovereign.byok.model import config_of, secret_ids_of
from sovereign.http import CallerDep, TableDep
from sovereign.kernel.ids import new_id

router = APIRouter(prefix="/byok", tags=["byok"])


async def _vault(table: TableDep) -> KeyVault:
    return KeyVault.from_environment(table)


VaultDep = Annotated[KeyVault, Depends(_vault)]


@router.get("", summary="List own provider keys")
def list_keys(caller: CallerDep, vault: VaultDep) -> dict[str, Any]:
    """The id of each provider's key, null where the platform's own is used."""
    return {"byok_keys": secret_ids_of(vault.read(caller.org_id))}


@router.post("", summary="Store an own provider key")
def store_key(body: KeyBody, caller: CallerDep, vault: VaultDep) -> dict[str, Any]:
    """Calls use it within a minute; storing again rotates it."""
    stored = vault.change(caller.org_id, lambda keys: with_key(keys, body.provider, body.api_key, new_id()))
    return {"success": True, "byok_keys": secret_ids_of(stored)}


@router.delete("", summary="Remove an own provider key")
def remove_key(body: SlotBody, caller: CallerDep, vault: VaultDep) -> dict[str, Any]:
    """Calls go back to the platform's key within a minute."""
    stored = vault.change(caller.org_id, lambda keys: without_key(keys, body.provider))
    return {"success": True, "byok_keys": secret_ids_of(stored)}


@router.get("/config", summary="List providers and the settings of own keys")
def list_config(caller: CallerDep, vault: VaultDep) -> dict[str, Any]:
    """What a key can be brought for, and how it is used."""
    stored = vault.read(caller.org_id)
    return {"providers": offered_providers(stored.keys), "byok_config": config_of(stored)}


@router.post("/config", summary="Change the settings of an own key")
def store_config(body: ConfigBody, caller: CallerDep, vault: VaultDep) -> dict[str, Any]:
    """Merged into what is set; the address of another host needs the key again."""
    given = body.config.given()
    stored = vault.change(caller.org_id, lambda keys: with_config(keys, body.provider, given, body.api_key))
    return {"byok_config": config_of(stored)}
