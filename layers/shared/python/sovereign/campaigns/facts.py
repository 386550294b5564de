"""The facts of a campaign: items put with the change they report, published by the stream's reader.

They lie with the campaign, hold ids and small fields only, and are forgotten after a week.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from zlib import crc32

from sovereign.calls.events import FACT_SHARDS
from sovereign.campaigns.items import campaign_pk
from sovereign.kernel.clock import to_wire
from sovereign.kernel.table import Put

SOURCE: Final = "sovereign.campaigns"
STARTED: Final = "campaign.started"
PAUSED: Final = "campaign.paused"
RESUMED: Final = "campaign.resumed"
CANCELLED: Final = "campaign.cancelled"
COMPLETED: Final = "campaign.completed"
LEAD_FINISHED: Final = "campaign.lead.finished"
IMPORT_FINISHED: Final = "campaign.import.finished"

_KEPT = timedelta(days=7)
_VERSION = 1


def campaign_fact(name: str, org_id: str, campaign_id: str, version: int, at: datetime) -> Put:
    """A campaign started, paused, resumed, was completed or cancelled; `version` is the campaign's after the change."""
    return _fact(name, (org_id, campaign_id, f"{version}"), at, {})


def lead_fact(
    org_id: str,
    campaign_id: str,
    lead_id: str,
    *,
    status: str,
    outcome: str | None,
    call_id: str | None,
    attempts: int,
    at: datetime,
) -> Put:
    """A lead is over: completed, failed or skipped."""
    told = {"lead_id": lead_id, "status": status, "outcome": outcome, "call_id": call_id, "attempts": attempts}
    return _fact(LEAD_FINISHED, (org_id, campaign_id, lead_id), at, told)


def import_fact(
    org_id: str, campaign_id: str, import_id: str, status: str, at: datetime, *, tally: Mapping[str, int]
) -> Put:
    """An import of leads is over: completed or failed; `tally` counts its rows."""
    told = {"import_id": import_id, "status": status, **tally}
    return _fact(IMPORT_FINISHED, (org_id, campaign_id, import_id), at, told)


def _fact(name: str, about: tuple[str, str, str], at: datetime, told: Mapping[str, Any]) -> Put:
    org_id, campaign_id, what = about
    moment, fact_id = to_wire(at), f"{name}.{campaign_id}.{what}"
    identity = {"version": _VERSION, "fact_id": fact_id, "org_id": org_id, "campaign_id": campaign_id}
    return Put(
        {
            "pk": campaign_pk(org_id, campaign_id),
            "sk": f"FACT#{name}#{what}",
            "fact": name,
            "source": SOURCE,
            "occurred_at": moment,
            "detail": {**identity, "occurred_at": moment, **told},
            "due_shard": FACT_SHARDS[crc32(fact_id.encode()) % len(FACT_SHARDS)],
            "due_at": moment,
            "expires_at": int((at + _KEPT).timestamp()),
        }
    )
