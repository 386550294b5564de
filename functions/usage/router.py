"""`GET /usage`."""

from typing import Any

from fastapi import APIRouter

from functions.usage.schemas import log_view, summary_view
from sovereign.http import CallerDep, PageDep, TableDep
from sovereign.kernel.numbered_rows import TimeRange
from sovereign.usage.store import UsageStore

router = APIRouter(tags=["usage"])


@router.get("/usage", summary="List usage")
def list_usage(
    caller: CallerDep, table: TableDep, page: PageDep, start_date: str | None = None, end_date: str | None = None
) -> dict[str, Any]:
    """What the organization's answered calls used, newest first, and the sums over the whole filter."""
    found = UsageStore(table).page(
        caller.org_id, offset=page.offset, limit=page.limit, bounds=TimeRange.parse(start_date, end_date)
    )
    return {
        "logs": [log_view(log) for log in found.logs],
        "pagination": page.pagination(found.summary.total_calls),
        "summary": summary_view(found.summary),
    }
