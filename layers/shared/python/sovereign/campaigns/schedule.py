"""When a campaign may dial: times of day, days of the week and zones."""

import re
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import AfterValidator, Field

_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?")
_NO_PLACE = frozenset({"Factory", "localtime"})


@cache
def zones() -> frozenset[str]:
    """Every IANA zone of the `tzdata` package, whatever the operating system knows."""
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()) - _NO_PLACE


def check_zone(name: str) -> str:
    """Return the zone's name unchanged. Raises ValueError when it is not an IANA zone."""
    if name not in zones():
        raise ValueError("must be an IANA time zone, e.g. Europe/Amsterdam")
    return name


def _time_of_day(text: str) -> str:
    if not _TIME.fullmatch(text):
        raise ValueError("must be a time of day, HH:MM or HH:MM:SS")
    return text if len(text) == 8 else f"{text}:00"


def _sorted_days(days: list[int]) -> list[int]:
    if len(set(days)) != len(days):
        raise ValueError("must not repeat a day")
    return sorted(days)


Zone = Annotated[str, Field(max_length=64), AfterValidator(check_zone)]
TimeOfDay = Annotated[str, Field(max_length=8), AfterValidator(_time_of_day)]
"""`HH:MM:SS`; `HH:MM` is read as the full minute."""
Days = Annotated[
    list[Annotated[int, Field(ge=0, le=6)]], Field(min_length=1, max_length=7), AfterValidator(_sorted_days)
]
"""Days of the week, 0 = Monday; a window over midnight belongs to the day it starts."""
