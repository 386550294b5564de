"""The sending domain."""

from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from functions.domains.schemas import DomainCreate, DomainSelection
from sovereign.domains import DomainService, DomainStore
from sovereign.http import CallerDep, TableDep
from sovereign.provider_keys import KeyRing

router = APIRouter(prefix="/domains", tags=["domains"])


@cache
def key_ring() -> KeyRing:
    """The process's key ring: it caches keys for a minute."""
    return KeyRing.from_environment()


async def _store(table: TableDep) -> DomainStore:
    return DomainStore(table)


async def _service(table: TableDep) -> DomainService:
    return DomainService(DomainStore(table), key_ring())


StoreDep = Annotated[DomainStore, Depends(_store)]
ServiceDep = Annotated[DomainService, Depends(_service)]


@router.get("", summary="Get the sending domain")
def get_domain(caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """The domain as it was last seen; null when there is none."""
    domain = store.find(caller.org_id)
    return {"domain": domain.public() if domain else None}


@router.post("", status_code=201, summary="Add the sending domain")
def create_domain(body: DomainCreate, caller: CallerDep, service: ServiceDep) -> dict[str, Any]:
    """Makes the domain at Resend; its `records` are to be put into DNS."""
    return {"domain": service.create(caller.org_id, body.domain_name).public()}


@router.delete("", summary="Delete the sending domain")
def delete_domain(caller: CallerDep, service: ServiceDep) -> dict[str, Any]:
    """A domain that was made here is removed at Resend too; one that was chosen stays there."""
    service.delete(caller.org_id)
    return {"success": True}


@router.get("/sync", summary="List the domains of the Resend account")
def list_choices(caller: CallerDep, service: ServiceDep) -> dict[str, Any]:
    """With the platform's key only the organization's own."""
    domains, selected = service.choices(caller.org_id)
    return {"domains": [domain.listed() for domain in domains], "selected_domain_id": selected}


@router.post("/sync", summary="Send from a domain of the Resend account")
def choose_domain(body: DomainSelection, caller: CallerDep, service: ServiceDep) -> dict[str, Any]:
    """Takes the place of the domain before."""
    domain = service.choose(caller.org_id, body.resend_domain_id)
    return {"domain": domain.public(), "message": "The domain was taken over from Resend."}


@router.post("/verify", summary="Verify the sending domain")
def verify_domain(caller: CallerDep, service: ServiceDep) -> dict[str, Any]:
    """Lets Resend check the DNS records."""
    return {"domain": service.verify(caller.org_id).public()}


@router.post("/refresh", summary="Refresh the sending domain")
def refresh_domain(caller: CallerDep, service: ServiceDep) -> dict[str, Any]:
    """Reads the domain's state from Resend."""
    return {"domain": service.refresh(caller.org_id).public()}
