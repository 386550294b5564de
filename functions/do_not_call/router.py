"""The do-not-call list: checked before every dial."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from functions.do_not_call.cursor import from_cursor, to_cursor
from functions.do_not_call.schemas import ListingBody
from sovereign.do_not_call import DoNotCallStore
from sovereign.http import PLAIN_DIGITS, CallerDep, TableDep

router = APIRouter(prefix="/do-not-call", tags=["do-not-call"])

CursorQuery = Annotated[str | None, Query(max_length=64)]
LimitQuery = Annotated[int, Field(ge=1, le=1000), PLAIN_DIGITS]


async def _store(table: TableDep) -> DoNotCallStore:
    return DoNotCallStore(table)


StoreDep = Annotated[DoNotCallStore, Depends(_store)]


@router.get("", summary="List do-not-call numbers")
def list_entries(
    caller: CallerDep, store: StoreDep, limit: LimitQuery = 100, cursor: CursorQuery = None
) -> dict[str, Any]:
    """A page in the order of the numbers; pass `next_cursor` as `cursor` to get the one behind it."""
    after = from_cursor(cursor, caller.org_id) if cursor else None
    page = store.page(caller.org_id, limit=limit, after=after)
    next_cursor = to_cursor(page.next_number) if page.next_number else None
    return {
        "entries": [entry.public() for entry in page.entries],
        "pagination": {"limit": limit, "next_cursor": next_cursor},
    }


@router.post("", status_code=201, summary="Put a number on the do-not-call list")
def add_entry(body: ListingBody, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """From now on no call, transfer or campaign of the organization dials it."""
    return {"entry": store.add(caller.org_id, body).public()}


@router.delete("/{number}", summary="Take a number off the do-not-call list")
def remove_entry(number: str, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """It may be called again."""
    store.remove(caller.org_id, number)
    return {"success": True}
