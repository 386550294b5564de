"""How far a campaign is, how fast it dials, and when it should end at that rate. Pure."""

from datetime import datetime, timedelta
from typing import Any

from sovereign.campaigns.model import Campaign
from sovereign.campaigns.window import UnknownZoneError, Window
from sovereign.kernel.clock import to_wire

_LONGEST_LOOK = 366


def progress_of(campaign: Campaign, now: datetime) -> dict[str, Any]:
    """As `GET /campaigns/{id}` shows it. `hold` says why nothing can be dialled at all for the moment."""
    counts, run = campaign.counts, campaign.run
    ends_at = expected_end(campaign, now)
    return {
        "finished_leads": counts.completed + counts.failed + counts.skipped,
        "dialled": run.dialled,
        "calls_last_minute": calls_last_minute(campaign, now),
        "expected_end_at": to_wire(ends_at) if ends_at else None,
        "hold": run.hold,
    }


def calls_last_minute(campaign: Campaign, now: datetime) -> int:
    """Calls placed in the last whole minute."""
    run, minute = campaign.run, int(now.timestamp()) // 60
    return {0: run.last_minute_dialled, 1: run.minute_dialled}.get(minute - run.minute, 0)


def expected_end(campaign: Campaign, now: datetime) -> datetime | None:
    """When the pending leads are called once, in windows of the campaign's zone; None unless it runs.

    At the rate of the last minute, else at the one it is set to.
    """
    if campaign.status != "scheduled":
        return None
    settings = campaign.settings
    per_minute = calls_last_minute(campaign, now) or settings.calls_per_second * 60
    left = timedelta(minutes=campaign.counts.pending / per_minute)
    try:
        return _after_open_time(settings.window, settings.timezone, now, left)
    except UnknownZoneError:
        return None


def _after_open_time(window: Window, zone: str, now: datetime, left: timedelta) -> datetime | None:
    moment = now
    for _ in range(_LONGEST_LOOK):
        moment = window.next_opening(moment, zone)
        closes_at = window.closing(moment, zone)
        if moment + left <= closes_at:
            return moment + left
        left -= closes_at - moment
        moment = closes_at
    return None
