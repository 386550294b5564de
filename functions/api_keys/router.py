"""Routes of the caller's API keys."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from functions.api_keys.schemas import ApiKeyCreate, api_key_view
from sovereign.api_keys import ApiKeyStore
from sovereign.api_keys.model import DEFAULT_RATE_LIMIT_PER_MINUTE
from sovereign.http import CallerDep, TableDep

router = APIRouter(tags=["API keys"])


async def _store(table: TableDep) -> ApiKeyStore:
    return ApiKeyStore(table)


StoreDep = Annotated[ApiKeyStore, Depends(_store)]


@router.get("/api-keys", summary="List API keys")
def list_api_keys(caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """The organization's keys, by their last four characters."""
    return {"api_keys": [api_key_view(key) for key in store.list_keys(caller.org_id)]}


@router.post("/api-keys", status_code=201, summary="Create an API key")
def create_api_key(caller: CallerDep, store: StoreDep, body: ApiKeyCreate) -> dict[str, Any]:
    """A new key with the default limit; `secret` is shown this once."""
    key, secret = store.create(
        caller.org_id,
        parent_org_id=caller.parent_org_id,
        name=body.name,
        rate_limit_per_minute=DEFAULT_RATE_LIMIT_PER_MINUTE,
    )
    return {"api_key": {**api_key_view(key), "secret": secret}}


@router.delete("/api-keys/{key_id}", summary="Revoke an API key")
def delete_api_key(caller: CallerDep, store: StoreDep, key_id: str) -> dict[str, bool]:
    """Revoke a key other than the one in use."""
    store.delete(caller.org_id, key_id, in_use=caller.key_id)
    return {"success": True}
