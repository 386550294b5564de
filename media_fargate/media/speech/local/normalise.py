"""What a text sounds like: numbers, times, dates, money, phone numbers, addresses written out for the synthesiser.

The voice reads every run of digits as a quantity, so "020 123 4567" or "9:30" must become words before.
"""

import re
from collections.abc import Callable
from re import Match

from media.speech.local.numerals import cardinal, digits, ordinal, year

_MONTH_NAMES = "January February March April May June July August September October November December"
_MONTHS = _MONTH_NAMES.split()
_MONTH = "|".join(f"{m}|{m[:3]}\\.?" for m in _MONTHS)
_CURRENCIES = {
    "$": ("dollar", "cent"),
    "€": ("euro", "cent"),
    "£": ("pound", "penny"),
    "usd": ("dollar", "cent"),
    "eur": ("euro", "cent"),
    "gbp": ("pound", "penny"),
}
_AMOUNT = r"(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d{2}|-))?(?!\d)"


def spoken(text: str) -> str:
    """The text as it is to be read aloud; what is in words already stays as it is."""
    for pattern, say in _RULES:
        text = pattern.sub(say, text)
    return re.sub(r"\s+", " ", text).strip()


def _address(match: Match[str]) -> str:
    said = match[0].removeprefix("https://").removeprefix("http://").rstrip("/")
    for sign, word in (("@", " at "), (".", " dot "), ("/", " slash "), ("-", " dash "), ("_", " underscore ")):
        said = said.replace(sign, word)
    return said.replace("www", "W W W")


def _phone(match: Match[str]) -> str:
    groups = re.findall(r"\d+", match[0])
    plus = "plus " if match[0].startswith("+") else ""
    return plus + ", ".join(digits(group) for group in groups)


def _iso_date(match: Match[str]) -> str:
    return _date(int(match[3]), int(match[2]), match[1]) or match[0]


def _day_first_date(match: Match[str]) -> str:
    """Day before month, as in Europe, unless only the American order makes a date."""
    first, second = int(match[1]), int(match[2])
    day, month = (second, first) if second > 12 else (first, second)
    return _date(day, month, match[3]) or match[0]


def _date(day: int, month: int, year_digits: str | None) -> str | None:
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return None
    return f"{_MONTHS[month - 1]} {ordinal(day)}" + (f", {year(int(year_digits))}" if year_digits else "")


def _month_then_day(match: Match[str]) -> str:
    return _date(int(match[2]), _month_number(match[1]), match[3]) or match[0]


def _day_then_month(match: Match[str]) -> str:
    return _date(int(match[1]), _month_number(match[2]), match[3]) or match[0]


def _month_number(name: str) -> int:
    return next(i for i, month in enumerate(_MONTHS, 1) if month.lower().startswith(name.lower().rstrip(".")[:3]))


def _time(match: Match[str]) -> str:
    hour, minute = int(match[1]), int(match[2] or 0)
    if hour > 24 or minute > 59:
        return match[0]
    half = (match[3] or "").lower().replace(".", "")
    if not half and hour > 12:
        half, hour = ("pm", hour - 12) if hour < 24 else ("am", 12)
    if minute:
        said = f"{cardinal(hour)} " + (f"oh {cardinal(minute)}" if minute < 10 else cardinal(minute))
    else:
        said = cardinal(hour) + ("" if half else " o'clock")
    return said + (f" {half[0].upper()} M" if half else "")


def _time_range(match: Match[str]) -> str:
    return f"{match[1]} to {match[2]}"


def _money(match: Match[str]) -> str:
    return _amount(match[2], match[3], match[1].strip().lower())


def _money_after(match: Match[str]) -> str:
    return _amount(match[1], match[2], match[3].lower())


def _amount(whole: str, cents: str | None, currency: str) -> str:
    major, minor = _CURRENCIES[currency]
    units = int(whole.replace(",", ""))
    said = f"{cardinal(units)} {major}{'' if units == 1 else 's'}"
    small = int(cents) if cents and cents.isdigit() else 0
    if small:
        said += f" and {cardinal(small)} " + (minor if small == 1 else "pence" if minor == "penny" else minor + "s")
    return said


def _number(match: Match[str]) -> str:
    whole = match[1].replace(",", "")
    # a code or an account number is no quantity
    if (len(whole) > 6 and "," not in match[1]) or (len(whole) > 1 and whole.startswith("0")):
        said = digits(whole)
    else:
        said = cardinal(int(whole))
    if match[2]:
        said += " point " + digits(match[2])
    return said + (" percent" if match[3] else "")


Say = Callable[[Match[str]], str] | str


def _rule(pattern: str, say: Say) -> tuple[re.Pattern[str], Say]:
    return re.compile(pattern, re.IGNORECASE), say


_HALF = r"(a\.m\.|p\.m\.|[ap]m\b)"
# In this order: what a rule has written out, the later ones do not touch.
_RULES = (
    _rule(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\bhttps?://[\w./-]*\w|\bwww\.[\w./-]*\w", _address),
    _rule(r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b", _iso_date),
    _rule(r"\b(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})\b", _day_first_date),
    _rule(rf"\b({_MONTH})\s+(\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+(\d{{4}}))?\b(?!:)", _month_then_day),
    _rule(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?({_MONTH})\b(?:,?\s+(\d{{4}}))?", _day_then_month),
    _rule(rf"([$€£]|\b(?:usd|eur|gbp)\s)\s*{_AMOUNT}", _money),
    _rule(rf"\b{_AMOUNT}\s*([$€£]|(?:usd|eur|gbp)\b)", _money_after),
    _rule(r"\b(\d{1,2}(?:[:.]\d{2})?)\s*[-\u2013]\s*(\d{1,2}[:.]\d{2})\b", _time_range),
    _rule(rf"\b(\d{{1,2}}):(\d{{2}})(?:\s*{_HALF})?(?![:.]?\d)", _time),
    # with a point it is a time only where the words say so: 3.75 may be a weight
    _rule(r"(?<=\bat )(\d{1,2})\.(\d{2})()(?![:.]?\d)", _time),
    _rule(rf"\b(\d{{1,2}})(?:[:.](\d{{2}}))?\s*{_HALF}", _time),
    _rule(
        r"(?<![\w.])\+\d[\d ()-]{6,}\d|\b(?:0\d{1,4}|\(\d{3}\)|\d{3})[ -]\d{3,4}(?:[ -]\d{2,4})*\b|\b0\d{8,10}\b",
        _phone,
    ),
    _rule(r"(?<![\w.,])#\s?(\d+)\b", lambda m: "number " + digits(m[1])),
    _rule(r"\b(in|since|until|by|from|of|year)\s+((?:19|20)\d\d)\b", lambda m: f"{m[1]} {year(int(m[2]))}"),
    _rule(r"\b(\d+)(?:st|nd|rd|th)\b", lambda m: ordinal(int(m[1]))),
    _rule(r"(?<=\d)\s*[-\u2013]\s*(?=\d)", " to "),
    _rule(r"(?<![\w.])(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?(\s?%)?", _number),
    _rule(r"\s*&\s*", " and "),
)
