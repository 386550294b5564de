"""How far a campaign is, its rate, and when it should end."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sovereign.campaigns.model import Campaign, CampaignSettings, LeadCounts, Run, Status
from sovereign.campaigns.progress import calls_last_minute, expected_end, progress_of
from sovereign.kernel.ids import new_id

FRIDAY = "2026-11-27T09:05:00"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def minute(text: str) -> int:
    return int(at(text).timestamp()) // 60


def campaign(*, pending: int = 0, status: Status = "scheduled", run: Run | None = None, **settings: Any) -> Campaign:
    members = {"schedule_start_time": "09:00:00", "schedule_end_time": "17:00:00", "timezone": "UTC"} | settings
    made = CampaignSettings(name="Spring", agent_id=new_id(), **members)
    then, counts = at("2026-11-01T00:00:00"), LeadCounts(pending=pending)
    return Campaign(new_id(), new_id(), made, status, counts, 0, 1, then, then, run=run or Run())


def test_leads_that_are_over_the_calls_and_the_hold_are_shown() -> None:
    run = Run(dialled=7, minute=minute(FRIDAY), last_minute_dialled=3, hold="insufficient_credits")
    running = replace(campaign(run=run), stored_counts=LeadCounts(6, calling=1, completed=2, failed=3, skipped=4))
    assert progress_of(running, at(FRIDAY)) == {
        "finished_leads": 9,
        "dialled": 7,
        "calls_last_minute": 3,
        "expected_end_at": "2026-11-27T09:07:00.000Z",
        "hold": "insufficient_credits",
    }


def test_leads_a_cancelled_campaign_never_came_to_are_over() -> None:
    shown = progress_of(campaign(pending=5, status="cancelled"), at(FRIDAY))
    assert (shown["finished_leads"], shown["expected_end_at"]) == (5, None)


@pytest.mark.parametrize(
    ("now", "calls"),
    [
        ("2026-11-27T09:05:00", 11),
        ("2026-11-27T09:05:59", 11),
        ("2026-11-27T09:06:00", 22),
        ("2026-11-27T09:07:00", 0),
        ("2026-11-27T09:04:59", 0),
    ],
)
def test_rate_is_that_of_the_last_whole_minute(now: str, calls: int) -> None:
    run = Run(minute=minute(FRIDAY), minute_dialled=22, last_minute_dialled=11)
    assert calls_last_minute(campaign(run=run), at(now)) == calls


def test_end_is_expected_at_the_rate_it_has_else_at_the_one_it_is_set_to() -> None:
    assert expected_end(campaign(pending=120), at(FRIDAY)) == at("2026-11-27T09:07:00")
    assert expected_end(campaign(pending=120, calls_per_second=0.5), at(FRIDAY)) == at("2026-11-27T09:09:00")
    run = Run(minute=minute(FRIDAY), last_minute_dialled=30)
    assert expected_end(campaign(pending=120, run=run), at(FRIDAY)) == at("2026-11-27T09:09:00")


@pytest.mark.parametrize(
    ("now", "minutes", "end"),
    [
        ("2026-11-27T09:05:00", 5, "2026-11-27T09:10:00"),  # to its last moment
        ("2026-11-27T09:05:00", 12, "2026-11-30T09:07:00"),  # over the weekend
        ("2026-11-27T09:05:00", 22, "2026-12-01T09:07:00"),
        ("2026-11-27T08:00:00", 4, "2026-11-27T09:04:00"),  # not open yet
        ("2026-11-28T09:05:00", 4, "2026-11-30T09:04:00"),  # Saturday
    ],
)
def test_end_is_expected_in_open_windows_only(now: str, minutes: int, end: str) -> None:
    short = campaign(pending=60 * minutes, schedule_end_time="09:10:00", schedule_days=[0, 1, 2, 3, 4])
    assert expected_end(short, at(now)) == at(end)


def test_end_in_a_window_over_midnight_follows_the_clocks() -> None:
    nights = {"schedule_start_time": "23:00:00", "schedule_end_time": "04:00:00", "timezone": "Europe/Amsterdam"}
    night = campaign(pending=5 * 3600 + 1800, **nights)
    assert expected_end(night, at("2026-10-24T21:00:00")) == at("2026-10-25T02:30:00"), "this night has six hours"
    assert expected_end(night, at("2026-10-25T22:00:00")) == at("2026-10-26T22:30:00"), "the next one has five"


@pytest.mark.parametrize("status", ["draft", "paused", "completed", "cancelled"])
def test_no_end_is_expected_of_what_does_not_run(status: Status) -> None:
    assert expected_end(campaign(pending=1, status=status), at(FRIDAY)) is None


def test_no_end_is_expected_beyond_a_year_or_where_nobody_knows_the_time() -> None:
    minute_a_day = {"schedule_end_time": "09:01:00"}
    assert expected_end(campaign(pending=60 * 300, **minute_a_day), at(FRIDAY)) is not None
    assert expected_end(campaign(pending=60 * 400, **minute_a_day), at(FRIDAY)) is None
    lost = campaign(pending=1)
    lost = replace(lost, settings=lost.settings.model_copy(update={"timezone": "Mars/Base"}))
    assert expected_end(lost, at(FRIDAY)) is None
