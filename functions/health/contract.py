"""What `GET /health` answers."""

from typing import Literal

from typing_extensions import TypedDict

from sovereign.http.contract.operation import Moment, Operation, Operations


class Check(TypedDict):
    """One thing the API needs."""

    status: Literal["ok", "unavailable"]
    latency_ms: float


class Health(TypedDict):
    """All of them; `status` is `ok` when every check is."""

    status: Literal["ok", "unavailable"]
    timestamp: Moment
    version: str
    checks: dict[str, Check]


_EXAMPLE = {
    "status": "ok",
    "timestamp": "2026-11-23T09:30:00.000Z",
    "version": "0.1.0",
    "checks": {"database": {"status": "ok", "latency_ms": 4.2}},
}

OPERATIONS: Operations = {"GET /health": Operation(Health, _EXAMPLE, unavailable_answer=True)}
