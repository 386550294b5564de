"""Campaigns and their leads."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from functions.campaigns.schemas import CampaignCreate, CampaignPatch, ImportCreate, LeadPageDep, LeadsCreate
from sovereign.campaigns import Campaign, CampaignNotFoundError, CampaignStore, LeadStore
from sovereign.campaigns.progress import progress_of
from sovereign.http import CallerDep, TableDep
from sovereign.kernel.clock import utc_now
from sovereign.kernel.settings import Environment, read_environment
from sovereign.lead_imports.files import ImportFiles
from sovereign.lead_imports.model import LeadImport
from sovereign.lead_imports.store import ImportStore


class CampaignsEnvironment(Environment):
    """IMPORTS_BUCKET."""

    imports_bucket: str


router = APIRouter(prefix="/campaigns", tags=["campaigns"])


async def _store(table: TableDep) -> CampaignStore:
    return CampaignStore(table)


async def _leads(table: TableDep) -> LeadStore:
    return LeadStore(table)


async def _imports(table: TableDep) -> ImportStore:
    return ImportStore(table)


async def _files() -> ImportFiles:
    return ImportFiles(read_environment(CampaignsEnvironment).imports_bucket)


def _shown(campaign: Campaign) -> dict[str, Any]:
    return {**campaign.public(), "progress": progress_of(campaign, utc_now())}


def _import_shown(found: LeadImport, files: ImportFiles) -> dict[str, Any]:
    now = utc_now()
    addresses = {"upload": files.upload_form(found, now), "error_file": files.errors_link(found, now)}
    return {"import": {**found.public(), **addresses}}


StoreDep = Annotated[CampaignStore, Depends(_store)]
LeadsDep = Annotated[LeadStore, Depends(_leads)]
ImportsDep = Annotated[ImportStore, Depends(_imports)]
FilesDep = Annotated[ImportFiles, Depends(_files)]


@router.get("", summary="List campaigns")
def list_campaigns(caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """All campaigns, newest first."""
    return {"campaigns": [_shown(campaign) for campaign in store.list(caller.org_id)]}


@router.post("", status_code=201, summary="Create a campaign")
def create_campaign(body: CampaignCreate, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """The campaign starts as a draft, with or without leads."""
    return {"campaign": _shown(store.create(caller.org_id, body.settings(), body.leads))}


@router.get("/{campaign_id}", summary="Get a campaign")
def get_campaign(campaign_id: str, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """One campaign with the counts of its leads and its progress."""
    return {"campaign": _shown(store.get(caller.org_id, campaign_id))}


@router.patch("/{campaign_id}", summary="Change, start, stop or cancel a campaign")
def update_campaign(campaign_id: str, body: CampaignPatch, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """Only the members that are sent change; a completed or cancelled campaign refuses change."""
    campaign = store.update(
        caller.org_id, campaign_id, body.given(), accept=lambda stored: body.changes(stored.public())
    )
    return {"campaign": _shown(campaign)}


@router.delete("/{campaign_id}", summary="Delete a campaign")
def delete_campaign(campaign_id: str, caller: CallerDep, store: StoreDep, files: FilesDep) -> dict[str, Any]:
    """Its leads and imported files go with it; refused while one of them is being called."""
    try:
        store.delete(caller.org_id, campaign_id)
    except CampaignNotFoundError:
        files.erase_campaign(caller.org_id, campaign_id)  # of a removal that was cut off before it came to them
        raise
    files.erase_campaign(caller.org_id, campaign_id)  # last: one that is refused keeps them
    return {"success": True}


@router.get("/{campaign_id}/leads", summary="List leads")
def list_leads(campaign_id: str, page: LeadPageDep, caller: CallerDep, leads: LeadsDep) -> dict[str, Any]:
    """A campaign's leads, oldest first."""
    found = leads.page(caller.org_id, campaign_id, limit=page.limit, offset=page.offset)
    return {"leads": [lead.public() for lead in found.leads], "pagination": page.pagination(found.total)}


@router.post("/{campaign_id}/leads", status_code=201, summary="Add leads")
def add_leads(campaign_id: str, body: LeadsCreate, caller: CallerDep, leads: LeadsDep) -> dict[str, Any]:
    """One lead, or up to 1,000 in `leads`, all or none."""
    if one := body.one():
        return {"lead": leads.add_one(caller.org_id, campaign_id, one).public()}
    return {"leads": [lead.public() for lead in leads.add(caller.org_id, campaign_id, body.leads or [])]}


@router.delete("/{campaign_id}/leads/{lead_id}", summary="Remove a lead")
def remove_lead(campaign_id: str, lead_id: str, caller: CallerDep, leads: LeadsDep) -> dict[str, Any]:
    """Refused while the lead is being called."""
    leads.remove(caller.org_id, campaign_id, lead_id)
    return {"success": True}


@router.post("/{campaign_id}/imports", status_code=201, summary="Import leads from a file")
def create_import(
    campaign_id: str,
    caller: CallerDep,
    imports: ImportsDep,
    files: FilesDep,
    body: ImportCreate | None = None,  # noqa: ARG001 - it has no member, and an unknown one is refused
) -> dict[str, Any]:
    """Answers where to send a CSV file of up to 100,000 leads; the upload starts the import."""
    return _import_shown(imports.create(caller.org_id, campaign_id), files)


@router.get("/{campaign_id}/imports/{import_id}", summary="Get an import")
def get_import(
    campaign_id: str, import_id: str, caller: CallerDep, imports: ImportsDep, files: FilesDep
) -> dict[str, Any]:
    """How far it is, what became of the file's rows, and where the list of those that were left out can be fetched."""
    return _import_shown(imports.get(caller.org_id, campaign_id, import_id), files)
