"""Windows on the wall clock: days, midnight, changes of the clocks, zones nobody knows."""

from datetime import UTC, datetime

import pytest

from sovereign.campaigns.window import UnknownZoneError, Window

AMSTERDAM, NEW_YORK = "Europe/Amsterdam", "America/New_York"
EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)


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
