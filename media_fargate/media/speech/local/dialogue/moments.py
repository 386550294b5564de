"""Days and times as callers say them."""

import re
from datetime import date, timedelta

from media.speech.local.numerals import NUMBER_WORD, value_of

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTH_NAMES = "january february march april may june july august september october november december"
_MONTHS = _MONTH_NAMES.split()
_DAY = "|".join(WEEKDAYS)
_MONTH = "|".join(_MONTHS)
_SPAN = re.compile(rf"\b({_DAY})s?\s*(?:to|till|until|through|-|\u2013)\s*({_DAY})s?\b")
_WEEKDAY = re.compile(rf"\b(?:(next|this|coming)\s+)?({_DAY})\b")
_RELATIVE = re.compile(r"\b(the day after tomorrow|tomorrow|today|tonight)\b")
_MONTH_DAY = re.compile(rf"\b({_MONTH})\s+(?:the\s+)?(\d{{1,2}})(?:st|nd|rd|th)?\b")
_DAY_MONTH = re.compile(rf"\b(?:the\s+)?(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?({_MONTH})\b")
_ISO = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")

_HOUR = rf"(?P<hour>\d{{1,2}}|{NUMBER_WORD})"
_MINUTE = rf"(?P<minute>\d{{2}}|(?:oh |o )?(?:{NUMBER_WORD})(?:[ -](?:{NUMBER_WORD}))?)"
_HALF_DAY = r"(?:\s*(?P<half>[ap]\.?\s?m\b|in the (?:morning|afternoon|evening)))?"
_TIMES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b(?P<part>half past|quarter past|quarter to)\s+{_HOUR}{_HALF_DAY}",
        rf"\b(?P<hour>\d{{1,2}})[:.](?P<minute>\d{{2}}){_HALF_DAY}(?!\d)",
        rf"\b(?:at |around |about )?{_HOUR}[ -]{_MINUTE}\b{_HALF_DAY}",
        rf"\b{_HOUR}\s*o'?\s?clock{_HALF_DAY}",
        rf"\b{_HOUR}\s*(?P<half>[ap]\.?\s?m\b|in the (?:morning|afternoon|evening))",
        rf"\b(?:at|around|about|by|before|after)\s+{_HOUR}\b(?!\s*(?:st|nd|rd|th|minutes?|people|days?|to|past)\b)",
    )
)
_NAMED_TIMES = {"noon": "12:00", "midday": "12:00", "midnight": "0:00"}


def weekdays_in(text: str) -> frozenset[str]:
    """Every weekday a text speaks of: by name, by a span ("Monday to Friday"), "weekdays", "the weekend", "daily"."""
    text = text.lower()
    found = {day for day in WEEKDAYS if re.search(rf"\b{day}s?\b", text)}
    for first, last in _SPAN.findall(text):
        start, end = WEEKDAYS.index(first), WEEKDAYS.index(last)
        found.update(WEEKDAYS[i % 7] for i in range(start, end + 1 + (7 if end < start else 0)))
    if re.search(r"\b(weekdays?|working days?|during the week)\b", text):
        found.update(WEEKDAYS[:5])
    if re.search(r"\bweekends?\b", text):
        found.update(WEEKDAYS[5:])
    if re.search(r"\b(every day|daily|seven days|all week)\b", text):
        found.update(WEEKDAYS)
    return frozenset(found)


def day_in(text: str) -> str | None:
    """The day a caller names, as it would be written ("next Tuesday", "tomorrow", "March 5"), else None."""
    text = text.lower()
    if match := _ISO.search(text):
        return match[0]
    if match := _MONTH_DAY.search(text):
        return f"{match[1].capitalize()} {int(match[2])}"
    if match := _DAY_MONTH.search(text):
        return f"{match[2].capitalize()} {int(match[1])}"
    if match := _RELATIVE.search(text):
        return match[1]
    if match := _WEEKDAY.search(text):
        return (match[1] + " " if match[1] else "") + match[2].capitalize()
    return None


def date_of(day: str, today: date) -> str | None:
    """The ISO date of what `day_in` returned; a day without a year is the next such day."""
    text = day.lower()
    if _ISO.fullmatch(text):
        return text
    offsets = {"today": 0, "tonight": 0, "tomorrow": 1, "the day after tomorrow": 2}
    if text in offsets:
        return (today + timedelta(days=offsets[text])).isoformat()
    if (match := _WEEKDAY.search(text)) and match[2] in WEEKDAYS:
        ahead = (WEEKDAYS.index(match[2]) - today.weekday()) % 7 or 7
        return (today + timedelta(days=ahead)).isoformat()
    if match := _MONTH_DAY.search(text):
        return _next_date(_MONTHS.index(match[1]) + 1, int(match[2]), today)
    return None


def _next_date(month: int, day: int, today: date) -> str | None:
    for year in (today.year, today.year + 1):
        try:
            found = date(year, month, day)
        except ValueError:
            continue
        if found >= today:
            return found.isoformat()
    return None


def time_in(text: str) -> str | None:
    """The time a caller names, as "3:30", "9:00 AM" or "4:15 PM"; None when there is none."""
    text = text.lower().replace("\u2019", "'")
    for name, time in _NAMED_TIMES.items():
        if re.search(rf"\b{name}\b", text):
            return time
    for pattern in _TIMES:
        for match in pattern.finditer(text):
            if found := _time(match.groupdict()):
                return found
    return None


def _time(said: dict[str, str | None]) -> str | None:
    hour = value_of(said["hour"] or "")
    minute = value_of((said.get("minute") or "0").removeprefix("oh ").removeprefix("o ").strip())
    if hour is None or minute is None or hour > 24 or minute > 59:
        return None
    part = said.get("part")
    if part == "quarter to":
        hour, minute = (hour - 2) % 12 + 1, 45
    elif part:
        minute = 30 if part == "half past" else 15
    half = (said.get("half") or "").replace(".", "").replace(" ", "")
    suffix = "" if not half else " AM" if half in {"am", "inthemorning"} else " PM"
    return f"{hour}:{minute:02d}{suffix}"


def clock_time(time: str) -> str:
    """What `time_in` returned as HH:MM of a 24-hour clock; without AM or PM, 1 to 6 is taken for the afternoon."""
    digits, _, half = time.partition(" ")
    hour, minute = (int(part) for part in digits.split(":"))
    if (half == "PM" and hour < 12) or (not half and 1 <= hour <= 6):
        hour += 12
    elif half == "AM" and hour == 12:
        hour = 0
    return f"{hour % 24:02d}:{minute:02d}"
