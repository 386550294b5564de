"""What `GET /usage` answers."""

from typing import Literal

from typing_extensions import TypedDict

from sovereign.http.contract.operation import JsonObject, Moment, Operation, Operations, Pagination


class UsageLog(TypedDict):
    """One answered call; `byok_*` tell whose key its providers were used with."""

    id: str
    call_id: str
    duration_sec: int
    call_type: Literal["phone", "web"]
    phone_number: str | None
    agent_name: str | None
    assistant_name: str | None
    business_name: str | None
    byok_stt: bool
    byok_llm: bool
    byok_tts: bool
    created_at: Moment


class UsageSummary(TypedDict):
    """Sums over the whole filter, not the page."""

    total_calls: int
    total_duration_seconds: int
    total_duration_minutes: float


class Usage(TypedDict):
    """A page, newest first."""

    logs: list[UsageLog]
    pagination: Pagination
    summary: UsageSummary


_EXAMPLE: JsonObject = {
    "logs": [
        {
            "id": "3f1c6f0e-8f0a-4f5e-9a55-0d3b5a4c7e21",
            "call_id": "call-inbound-k3v9x2m7q1zd",
            "duration_sec": 39,
            "call_type": "phone",
            "phone_number": "+12025550142",
            "agent_name": "Receptionist",
            "assistant_name": "Receptionist",
            "business_name": "Riverside Dental",
            "byok_stt": False,
            "byok_llm": True,
            "byok_tts": False,
            "created_at": "2026-11-23T09:30:41.020Z",
        }
    ],
    "pagination": {"total": 1, "limit": 100, "offset": 0},
    "summary": {"total_calls": 1, "total_duration_seconds": 39, "total_duration_minutes": 0.65},
}

OPERATIONS: Operations = {"GET /usage": Operation(Usage, _EXAMPLE)}
