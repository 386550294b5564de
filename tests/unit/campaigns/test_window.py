"""Windows on the wall clock: days, midnight, changes of the clocks, zones nobody knows."""

import random
from datetime import UTC, datetime, time, timedelta
from unittest.mock import ANY

import pytest

from sovereign.campaigns.window import UnknownZoneError, Window

AMSTERDAM, NEW_YORK = "Europe/Amsterdam", "America/New_York"
EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)
CHANGES = [
    (AMSTERDAM, "2026-03-29T01:00"),
    (AMSTERDAM, "2026-10-25T01:00"),
    (NEW_YORK, "2026-03-08T07:00"),
    (NEW_YORK, "2026-11-01T06:00"),
    ("Australia/Lord_Howe", "2026-04-04T15:00"),  # by half an hour
    ("Australia/Lord_Howe", "2026-10-03T15:30"),
]
"""Zones, and moments at which their clocks change."""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-25T07:59:59", False),  # 08:59:59 in Amsterdam
        ("2026-11-25T08:00:00", True),
        ("2026-11-25T16:29:54", True),
        ("2026-11-25T16:29:56", False),  # it would ring after half past
        ("2026-11-28T10:00:00", False),  # Saturday
    ],
)
def test_office_hours_are_those_of_the_zone(moment: str, is_open: bool) -> None:
    window = Window.of("09:00:00", "17:30:00", [0, 1, 2, 3, 4])
    assert window.is_open(at(moment), AMSTERDAM) is is_open


@pytest.mark.parametrize(("moment", "is_open"), [("2026-11-27T23:30", True), ("2026-11-28T00:30", True)])
def test_window_over_midnight_belongs_to_the_day_it_starts(moment: str, is_open: bool) -> None:
    fridays = Window.of("23:00:00", "02:00:00", [4])
    assert fridays.is_open(at(moment), "UTC") is is_open
    assert not fridays.is_open(at("2026-11-27T00:30"), "UTC")
    assert not fridays.is_open(at("2026-11-28T23:30"), "UTC")


def test_opening_follows_the_clocks() -> None:
    window = Window.of("09:00:00", "17:00:00", EVERY_DAY)
    assert window.next_opening(at("2026-03-28T20:00"), AMSTERDAM) == at("2026-03-29T07:00")
    assert window.next_opening(at("2026-10-24T20:00"), AMSTERDAM) == at("2026-10-25T08:00")


@pytest.mark.parametrize("end", ["05:00:00", "03:15:00"])
def test_start_in_the_hour_that_is_skipped_opens_when_the_clocks_change(end: str) -> None:
    window = Window.of("02:30:00", end, EVERY_DAY)
    assert window.next_opening(at("2026-03-08T05:00"), NEW_YORK) == at("2026-03-08T07:00")


def test_window_within_the_hour_that_is_skipped_opens_the_day_after() -> None:
    window = Window.of("02:15:00", "02:45:00", EVERY_DAY)
    assert window.next_opening(at("2026-03-08T05:00"), NEW_YORK) == at("2026-03-09T06:15")


def test_day_that_is_skipped_has_no_opening() -> None:
    window = Window.of("09:00:00", "10:00:00", EVERY_DAY)
    assert window.next_opening(at("2011-12-29T21:00"), "Pacific/Apia") == at("2011-12-30T19:00")


def test_hour_that_comes_twice_is_open_twice() -> None:
    window = Window.of("01:15:00", "01:45:00", EVERY_DAY)
    assert window.is_open(at("2026-11-01T05:30"), NEW_YORK)
    assert not window.is_open(at("2026-11-01T06:00"), NEW_YORK)
    assert window.next_opening(at("2026-11-01T05:50"), NEW_YORK) == at("2026-11-01T06:15")


def test_window_that_ends_in_the_hour_that_comes_twice_opens_again() -> None:
    window = Window.of("00:42:00", "01:27:00", EVERY_DAY)
    assert window.next_opening(at("2026-11-01T09:28"), "America/Sitka") == at("2026-11-01T10:00")


@pytest.mark.parametrize("seed", range(120))
def test_opening_around_a_change_of_the_clocks_is_the_one_that_a_look_at_each_minute_finds(seed: int) -> None:
    chance = random.Random(seed)
    zone, change = chance.choice(CHANGES)
    wall = [time(chance.randrange(4), chance.randrange(60)).isoformat() for _ in range(2)]
    window = Window.of(*wall, EVERY_DAY)
    now = at(change) - timedelta(minutes=chance.randrange(-180, 12 * 60))
    looks = (now + timedelta(minutes=minute) for minute in range(3 * 24 * 60))
    assert window.next_opening(now, zone) == next((look for look in looks if window.is_open(look, zone)), ANY)


def test_zone_nobody_knows_has_no_window() -> None:
    window = Window.of("00:00:00", "23:59:59", EVERY_DAY)
    with pytest.raises(UnknownZoneError):
        window.is_open(at("2026-11-25T12:00"), "Mars/Olympus")
    with pytest.raises(UnknownZoneError):
        window.next_opening(at("2026-11-25T12:00"), "Mars/Olympus")


def test_window_shorter_than_the_margin_never_opens() -> None:
    window = Window.of("09:00:00", "09:00:03", EVERY_DAY)
    now = at("2026-11-25T08:59")
    assert window.next_opening(now, "UTC") > now
    assert not window.is_open(at("2026-11-25T09:00:01"), "UTC")
