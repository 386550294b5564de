"""What the campaign routes answer."""

from typing import Annotated, Literal

from pydantic import Field

from sovereign.campaigns import CampaignSettings, NewLead
from sovereign.campaigns.model import LeadStatus, Status
from sovereign.http.contract.operation import (
    DONE,
    Done,
    Id,
    JsonObject,
    Moment,
    Operation,
    Operations,
    Pagination,
    Resource,
    envelope,
    view,
)
from sovereign.lead_imports.model import MAX_FILE_BYTES
from sovereign.lead_imports.model import Status as ImportStatus

Count = Annotated[int, Field(ge=0)]

Progress = view(
    "CampaignProgress",
    finished_leads=Count,
    dialled=Count,
    calls_last_minute=Count,
    expected_end_at=Moment | None,
    hold=str | None,
)
Campaign = view(
    "Campaign",
    CampaignSettings,
    id=Id,
    assistant_id=Id,
    status=Status,
    total_leads=Count,
    pending_leads=Count,
    calling_leads=Count,
    completed_leads=Count,
    failed_leads=Count,
    skipped_leads=Count,
    created_at=Moment,
    updated_at=Moment,
    progress=Progress,
)
Lead = view(
    "Lead",
    NewLead,
    id=Id,
    campaign_id=Id,
    status=LeadStatus,
    outcome=str | None,
    call_id=str | None,
    attempts=Count,
    last_attempt_at=Moment | None,
    created_at=Moment,
)
Upload = view(
    "ImportUpload",
    method=Literal["POST"],
    url=str,
    fields=dict[str, str | None],
    max_bytes=Count,
    expires_at=Moment,
)
ErrorFile = view("ImportErrorFile", url=str, expires_at=Moment)
ImportFailure = view("ImportFailure", code=str, message=str)
Import = view(
    "LeadImport",
    id=Id,
    campaign_id=Id,
    status=ImportStatus,
    size_bytes=Count | None,
    sha256=str | None,
    total_rows=Count | None,
    processed_rows=Count,
    imported_rows=Count,
    skipped_rows=Count,
    duplicate_rows=Count,
    invalid_rows=Count,
    same_as_import_id=Id | None,
    error=ImportFailure | None,
    upload=Upload | None,
    error_file=ErrorFile | None,
    created_at=Moment,
    started_at=Moment | None,
    finished_at=Moment | None,
)
_AGENT = "3f1c6f0e-8f0a-4f5e-9a55-0d3b5a4c7e21"
_CREATE: JsonObject = {
    "name": "Check-up reminders",
    "agent_id": _AGENT,
    "schedule_start_time": "09:00",
    "schedule_end_time": "17:30",
    "timezone": "Europe/Amsterdam",
    "leads": [{"phone_number": "+12025550143", "variables": {"name": "Sam"}}],
}
_EXAMPLE: JsonObject = {
    "id": "5c3b7a52-31a2-4fd7-8f6f-0c6a2f7e1d90",
    "name": "Check-up reminders",
    "agent_id": _AGENT,
    "assistant_id": _AGENT,
    "status": "draft",
    "system_message_template": "Remind {{name}} of the yearly check-up.",
    "schedule_start_time": "09:00:00",
    "schedule_end_time": "17:30:00",
    "schedule_days": [0, 1, 2, 3, 4],
    "timezone": "Europe/Amsterdam",
    "max_concurrency": 5,
    "calls_per_second": 1,
    "retry": {
        "max_attempts": 1,
        "delay_minutes": 60,
        "busy": {"retry": True, "delay_minutes": None},
        "no_answer": {"retry": True, "delay_minutes": None},
        "failed": {"retry": True, "delay_minutes": None},
        "voicemail": {"retry": False, "delay_minutes": None},
        "max_attempts_per_day": 3,
    },
    "number_id": None,
    "total_leads": 1,
    "pending_leads": 1,
    "calling_leads": 0,
    "completed_leads": 0,
    "failed_leads": 0,
    "skipped_leads": 0,
    "created_at": "2026-11-23T09:30:00.000Z",
    "updated_at": "2026-11-23T09:30:00.000Z",
    "progress": {
        "finished_leads": 0,
        "dialled": 0,
        "calls_last_minute": 0,
        "expected_end_at": None,
        "hold": None,
    },
}
_LEAD: JsonObject = {
    "id": "00000000-0001-8a3c-9a55-0d3b5a4c7e21",
    "campaign_id": _EXAMPLE["id"],
    "phone_number": "+12025550143",
    "variables": {"name": "Sam"},
    "timezone": None,
    "status": "pending",
    "outcome": None,
    "call_id": None,
    "attempts": 0,
    "last_attempt_at": None,
    "created_at": "2026-11-23T09:30:00.000Z",
}
_WAITING: JsonObject = {
    "id": "b7c1a0de-52b4-4c39-9d0a-6e0f4f1f7c55",
    "campaign_id": _EXAMPLE["id"],
    "status": "waiting",
    "size_bytes": None,
    "sha256": None,
    "total_rows": None,
    "processed_rows": 0,
    "imported_rows": 0,
    "skipped_rows": 0,
    "duplicate_rows": 0,
    "invalid_rows": 0,
    "same_as_import_id": None,
    "error": None,
    "upload": {
        "method": "POST",
        "url": "https://imports.s3.eu-west-1.amazonaws.com/",
        "fields": {"key": "uploads/…", "policy": "…", "x-amz-signature": "…"},
        "max_bytes": MAX_FILE_BYTES,
        "expires_at": "2026-11-23T10:30:00.000Z",
    },
    "error_file": None,
    "created_at": "2026-11-23T09:30:00.000Z",
    "started_at": None,
    "finished_at": None,
}
_FINISHED: JsonObject = {
    **_WAITING,
    "status": "completed",
    "size_bytes": 4_212_009,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "total_rows": 100_000,
    "processed_rows": 100_000,
    "imported_rows": 99_990,
    "skipped_rows": 12,
    "duplicate_rows": 7,
    "invalid_rows": 3,
    "upload": None,
    "error_file": {
        "url": "https://imports.s3.eu-west-1.amazonaws.com/imports/…",
        "expires_at": "2026-11-23T09:50:00.000Z",
    },
    "started_at": "2026-11-23T09:31:00.000Z",
    "finished_at": "2026-11-23T09:35:00.000Z",
}
_PAGE = {"total": 1, "limit": 1000, "offset": 0}

OPERATIONS: Operations = {
    **Resource(
        path="campaigns",
        parameter="campaign_id",
        plural="campaigns",
        singular="campaign",
        shown=Campaign,
        example=_EXAMPLE,
        create=_CREATE,
        change={"status": "scheduled"},
    ).operations(),
    "GET /campaigns/{campaign_id}/leads": Operation(
        envelope(leads=list[Lead], pagination=Pagination),  # type: ignore[valid-type]  # made from the model
        {"leads": [_LEAD], "pagination": _PAGE},
    ),
    "POST /campaigns/{campaign_id}/leads": Operation(
        envelope(lead=Lead) | envelope(leads=list[Lead]),  # type: ignore[valid-type]  # made from the model
        {"lead": _LEAD},
        request={"phone_number": "+12025550143", "variables": {"name": "Sam"}},
        created="/lead/id",
    ),
    "DELETE /campaigns/{campaign_id}/leads/{lead_id}": Operation(Done, DONE),
    "POST /campaigns/{campaign_id}/imports": Operation(
        envelope(**{"import": Import}), {"import": _WAITING}, request={}, created="/import/id"
    ),
    "GET /campaigns/{campaign_id}/imports/{import_id}": Operation(
        envelope(**{"import": Import}), {"import": _FINISHED}
    ),
}
