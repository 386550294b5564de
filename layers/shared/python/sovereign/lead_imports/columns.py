"""The first line of a file: which column is the number, which the zone, and which variables the others are."""

import csv
from collections.abc import Sequence

from pydantic import TypeAdapter, ValidationError

from sovereign.campaigns.lead import MAX_VARIABLES, VariableName
from sovereign.lead_imports.model import FileError
from sovereign.lead_imports.reading import Record

PHONE_NUMBER, TIMEZONE = "phone_number", "timezone"
DELIMITERS = (",", ";", "\t")
"""A spreadsheet writes the separator of its country."""
_name: TypeAdapter[str] = TypeAdapter(VariableName)


def delimiter_of(first_line: str) -> str:
    """The separator by which the first line has a column `phone_number`. Raises FileError."""
    if "\r" in first_line.rstrip("\r\n"):
        raise FileError("malformed_csv", "line 1: lines must end with LF or CRLF, not with CR alone")
    for delimiter in DELIMITERS:
        try:
            names = next(csv.reader([first_line], delimiter=delimiter), [])
        except csv.Error:
            continue
        if PHONE_NUMBER in map(_plain, names):
            return delimiter
    raise FileError(
        "missing_column",
        "the first line must name the columns, separated by commas, semicolons or tabs, and phone_number among them",
    )


def columns_of(header: Record) -> tuple[str, ...]:
    """The names of the columns, in order. Raises FileError naming the column that is wrong."""
    names = [_known(name) for name in header.values]
    for place, name in enumerate(names, 1):
        _check(place, name, names[: place - 1])
    if len(names) - sum(name in (PHONE_NUMBER, TIMEZONE) for name in names) > MAX_VARIABLES:
        raise FileError("invalid_header", f"a lead has at most {MAX_VARIABLES} variables")
    return tuple(names)


def _check(place: int, name: str, before: Sequence[str]) -> None:
    if name in before:
        raise FileError("invalid_header", f"columns {before.index(name) + 1} and {place} have the same name")
    try:
        _name.validate_python(name)
    except ValidationError:
        why = "has no name" if not name else "must have a name of at most 64 characters without braces"
        raise FileError("invalid_header", f"column {place} {why}") from None


def _known(name: str) -> str:
    plain = _plain(name)
    return plain if plain in (PHONE_NUMBER, TIMEZONE) else name.strip()


def _plain(name: str) -> str:
    return name.removeprefix("\ufeff").strip().lower()
