from datetime import date
from typing import Any

import pytest

from media.speech.local.dialogue.moments import clock_time, date_of, day_in, time_in, weekdays_in
from media.speech.local.dialogue.slots import find, slots_of

TODAY = date(2026, 11, 22)  # a Sunday


@pytest.mark.parametrize(
    ("said", "time"),
    [
        ("next Tuesday at three thirty", "3:30"),
        ("at 3:30 p.m.", "3:30 PM"),
        ("at 3.30", "3:30"),
        ("half past three", "3:30"),
        ("quarter to one", "12:45"),
        ("quarter past ten in the morning", "10:15 AM"),
        ("tomorrow at nine o'clock", "9:00"),
        ("nine o\u2019clock", "9:00"),
        ("around ten", "10:00"),
        ("4 pm", "4:00 PM"),
        ("at noon", "12:00"),
        ("ten oh five", "10:05"),
        ("at twenty to", None),
        ("for two people", None),
        ("on the 5th", None),
        ("25:00", None),
    ],
)
def test_time_is_found_as_it_was_said(said: str, time: str | None) -> None:
    assert time_in(said) == time


@pytest.mark.parametrize(
    ("time", "clock"), [("3:30", "15:30"), ("9:00", "09:00"), ("12:00 AM", "00:00"), ("4:15 PM", "16:15")]
)
def test_clock_time_is_of_24_hours(time: str, clock: str) -> None:
    assert clock_time(time) == clock


@pytest.mark.parametrize(
    ("said", "day", "iso"),
    [
        ("next tuesday please", "next Tuesday", "2026-11-24"),
        ("on Sunday", "Sunday", "2026-11-29"),
        ("tomorrow", "tomorrow", "2026-11-23"),
        ("the day after tomorrow", "the day after tomorrow", "2026-11-24"),
        ("March 5th", "March 5", "2027-03-05"),
        ("the 5th of December", "December 5", "2026-12-05"),
        ("2026-12-24", "2026-12-24", "2026-12-24"),
        ("February 30", "February 30", None),
        ("whenever", None, None),
    ],
)
def test_day_is_found_and_dated(said: str, day: str | None, iso: str | None) -> None:
    assert day_in(said) == day
    if day is not None:
        assert date_of(day, TODAY) == iso


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Monday to Friday", {"monday", "tuesday", "wednesday", "thursday", "friday"}),
        ("Friday till Monday", {"friday", "saturday", "sunday", "monday"}),
        ("on weekends", {"saturday", "sunday"}),
        ("Mondays", {"monday"}),
        ("nothing", set()),
    ],
)
def test_weekdays_are_named_or_spanned(text: str, days: set[str]) -> None:
    assert weekdays_in(text) == days


def _find(name: str, schema: dict[str, Any], said: str, *, asked: bool = True) -> Any:
    slot = slots_of({"properties": {name: schema}, "required": [name]})[0]
    return find(slot, said, TODAY, asked=asked)


STRING = {"type": "string"}


@pytest.mark.parametrize(
    ("name", "schema", "said", "value"),
    [
        ("day", STRING, "next Tuesday at three thirty", "next Tuesday"),
        ("appointment_date", {"type": "string", "format": "date"}, "tomorrow", "2026-11-23"),
        ("time", STRING, "at half past three", "3:30"),
        ("start_time", {"type": "string", "format": "time"}, "at half past three", "15:30"),
        ("name", STRING, "My name is Peter Johnson.", "Peter Johnson"),
        ("customer_name", STRING, "peter johnson", "Peter Johnson"),
        ("callerName", STRING, "Hi, this is Anna Bell, can I come in?", "Anna Bell"),
        ("name", STRING, "I'm calling about a bill", None),
        ("name", STRING, "what do you need that for at all", None),
        ("phone_number", STRING, "oh six one two three four five six seven eight", "0612345678"),
        ("phone", STRING, "plus 31 20 1234567", "+31201234567"),
        ("phone", STRING, "one two three", None),
        ("email", STRING, "it is peter dot johnson at example dot com", "peter.johnson@example.com"),
        ("party_size", {"type": "integer"}, "for four people", 4),
        ("amount", {"type": "number"}, "2.5 kilos", 2.5),
        ("insured", {"type": "boolean"}, "yes I am", True),
        ("insured", {"type": "boolean"}, "no", False),
        ("insured", {"type": "boolean"}, "perhaps", None),
        ("kind", {"type": "string", "enum": ["check_up", "cleaning"]}, "a check-up please", "check_up"),
        ("kind", {"type": "string", "enum": ["check_up", "cleaning"]}, "the cleaning", "cleaning"),
        ("size", {"enum": ["S", "XL"]}, "an XL please", "XL"),
        ("kind", {"type": "string", "enum": ["check_up", "cleaning"]}, "a crown", None),
        ("reason", STRING, "Well, my tooth hurts, please.", "my tooth hurts"),
    ],
)  # fmt: skip
def test_value_is_found_in_the_answer_to_its_question(name: str, schema: dict[str, Any], said: str, value: Any) -> None:
    assert _find(name, schema, said) == value


@pytest.mark.parametrize(
    ("name", "schema", "said"),
    [("reason", STRING, "my tooth hurts"), ("name", STRING, "Tuesday"), ("insured", {"type": "boolean"}, "yes")],
)
def test_what_was_not_asked_for_is_not_guessed(name: str, schema: dict[str, Any], said: str) -> None:
    assert _find(name, schema, said, asked=False) is None


@pytest.mark.parametrize(
    ("name", "schema", "question"),
    [
        ("day", STRING, "Which day would you like?"),
        ("name", STRING, "May I have your name, please?"),
        ("order_number", STRING, "Could you tell me the order number?"),
        ("reason", {"type": "string", "description": "What is it about?"}, "What is it about?"),
        ("size", {"enum": ["small", "large"]}, "Which size would you like: small or large?"),
        ("size", {"enum": ["small"]}, "Which size would you like: small?"),
    ],
)
def test_question_asks_for_the_parameter(name: str, schema: dict[str, Any], question: str) -> None:
    assert slots_of({"properties": {name: schema}})[0].question == question
