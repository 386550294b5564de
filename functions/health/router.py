"""Whether the API can do its work."""

import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from fastapi import APIRouter, Response

from sovereign import __version__
from sovereign.http import TableDep
from sovereign.kernel.clock import to_wire, utc_now
from sovereign.kernel.table import Ref, Table

router = APIRouter(tags=["health"])

_PROBE = Ref("HEALTH", "PROBE")  # read, never written: a miss proves the table answers


@router.get("/health", summary="Whether the API works", openapi_extra={"security": []})
def read_health(table: TableDep, response: Response) -> dict[str, Any]:
    """Answers without a key; 503 with the same shape when a check fails."""
    checks = {"database": _check_database(table)}
    healthy = all(check["status"] == "ok" for check in checks.values())
    response.status_code = 200 if healthy else 503
    if not healthy:
        response.headers["Retry-After"] = "5"
    status = "ok" if healthy else "unavailable"
    return {"status": status, "timestamp": to_wire(utc_now()), "version": __version__, "checks": checks}


def _check_database(table: Table) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        table.get(_PROBE, consistent=True)
        status = "ok"
    except (BotoCoreError, ClientError):
        status = "unavailable"
    return {"status": status, "latency_ms": round((time.perf_counter() - started) * 1000, 1)}
