"""Imports as items (docs/data-model.md)."""

from typing import Any
from zlib import crc32

from sovereign.campaigns.items import campaign_pk
from sovereign.kernel.clock import from_wire, to_wire
from sovereign.kernel.references import is_id
from sovereign.kernel.table import Item, Ref
from sovereign.lead_imports.files import ImportKey
from sovereign.lead_imports.model import ImportNotFoundError, LeadImport, Place, Tally

IMPORT_SHARDS = tuple(f"IMPORT#{shard}" for shard in range(4))
"""Values of `due_shard` of imports somebody has to look at; `due_at` is when nobody does any more."""
_MOMENTS = ("created_at", "upload_until", "started_at", "finished_at")


def import_ref(org_id: str, campaign_id: str, import_id: str) -> Ref:
    """The key of an import. Raises ImportNotFoundError for what cannot be an id."""
    if not is_id(import_id):
        raise ImportNotFoundError
    return Ref(campaign_pk(org_id, campaign_id.lower()), f"IMPORT#{import_id.lower()}")


def content_ref(org_id: str, campaign_id: str, digest: str) -> Ref:
    """The key that keeps a file from being imported twice."""
    return Ref(campaign_pk(org_id, campaign_id), f"IMPORT_CONTENT#{digest}")


def errors_begin(import_id: str) -> str:
    """How the sort keys of an import's left-out rows begin, until they are in the error file."""
    return f"IMPORT_ERRORS#{import_id}#"


def errors_ref(job: LeadImport, row: int) -> Ref:
    """The key of the left-out rows of the chunk that begins with a row."""
    return Ref(campaign_pk(job.org_id, job.campaign_id), f"{errors_begin(job.id)}{row:012d}")


def key_of_mark(mark: Item) -> ImportKey:
    """The import a mark of the `due` index is of: the index holds keys only."""
    _, org_id, _, campaign_id = mark["pk"].split("#")
    return ImportKey(org_id, campaign_id, mark["sk"].removeprefix("IMPORT#"))


def new_item(job: LeadImport) -> Item:
    """A new import, which waits for its upload."""
    ref = import_ref(job.org_id, job.campaign_id, job.id)
    own = {"id": job.id, "org_id": job.org_id, "campaign_id": job.campaign_id, "status": job.status}
    moments = {"created_at": to_wire(job.created_at), "upload_until": to_wire(job.upload_until)}
    shard = IMPORT_SHARDS[crc32(job.id.encode()) % len(IMPORT_SHARDS)]
    return {**ref._asdict(), **own, **moments, "due_shard": shard}


def from_item(item: Item) -> LeadImport:
    """An import from its item."""
    known: dict[str, Any] = {name: item[name] for name in LeadImport.__dataclass_fields__ if name in item}
    known |= {name: from_wire(item[name]) for name in _MOMENTS if name in item}
    known["columns"] = tuple(item.get("columns", ()))
    known["place"] = Place(item.get("offset", 0), item.get("line", 1), item.get("row", 0))
    known["tally"] = Tally(**{name: item.get(f"{name}_rows", 0) for name in Tally.__dataclass_fields__})
    if error := item.get("error"):
        known["error"] = (error["code"], error["message"])
    return LeadImport(**known)


def placed(place: Place) -> dict[str, int]:
    """A place as attributes."""
    return {"offset": place.offset, "line": place.line, "row": place.row}
