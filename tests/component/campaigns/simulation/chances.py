"""What the world of a simulated campaign is made of: places, nights with changes of the clocks, ends of calls."""

from datetime import UTC, datetime

from sovereign.calls.model import EndReason
from sovereign.campaigns import CampaignSettings
from sovereign.nodes.client import NodeAnswer

ZONES = [
    "Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia",
    "America/St_Johns", "Africa/Casablanca", "America/Sao_Paulo", "Pacific/Chatham", "UTC",
]  # fmt: skip
CHANGES = [
    datetime(2026, 3, 28, 20, tzinfo=UTC),
    datetime(2026, 10, 24, 20, tzinfo=UTC),
    datetime(2026, 3, 7, 20, tzinfo=UTC),
    datetime(2026, 10, 31, 20, tzinfo=UTC),
    datetime(2026, 4, 4, 6, tzinfo=UTC),
    datetime(2026, 6, 16, 9, tzinfo=UTC),
]
"""Evenings before clocks change somewhere, and a day on which none does."""
TELLS = {
    EndReason.USER_HANGUP: True, EndReason.ASSISTANT_HANGUP: True, EndReason.VOICEMAIL: True,
    EndReason.OPT_OUT: True, EndReason.DIAL_BUSY: False, EndReason.DIAL_NO_ANSWER: False,
    EndReason.DIAL_REJECTED: False, EndReason.DIAL_FAILED: False, EndReason.NODE_LOST: True,
}  # fmt: skip


class OutOfHoursError(AssertionError):
    """Somebody was rung outside the window."""


class CrashError(BaseException):
    """The process stops here."""


def inside(local: datetime, settings: CampaignSettings) -> bool:
    """The window in other words than the engine's: minutes since the start of the day on which it opened."""

    def seconds(text: str) -> int:
        hours, minutes, rest = map(int, text.split(":"))
        return hours * 3600 + minutes * 60 + rest

    start, end = seconds(settings.schedule_start_time), seconds(settings.schedule_end_time)
    end += 86_400 if end <= start else 0
    at = local.hour * 3600 + local.minute * 60 + local.second
    today, yesterday = local.weekday(), (local.weekday() - 1) % 7
    days = settings.schedule_days
    return (today in days and start <= at < end) or (yesterday in days and start <= at + 86_400 < end)


class NoDialler:
    """Nobody asks it."""

    def dial(self, org_id: str, call_id: str) -> NodeAnswer:
        raise AssertionError("the world hands calls over itself")
