"""One record of a file as a lead, or what is wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from sovereign.campaigns.lead import NewLead
from sovereign.catalog.problems import problems_of
from sovereign.lead_imports.columns import PHONE_NUMBER, TIMEZONE
from sovereign.lead_imports.reading import Record

_MOST_WORDS = 300


@dataclass(frozen=True)
class Row:
    """A row of the file: `number` counts rows from 0. Either `lead` or `problem` is there."""

    line: int
    number: int
    lead: NewLead | None
    problem: str | None = None


def row_of(record: Record, columns: Sequence[str]) -> Row:
    """A record that is not blank, checked. A problem names the column and never repeats the value."""
    number = record.behind.row - 1
    if len(record.values) != len(columns):
        problem = f"has {len(record.values)} values where the first line names {len(columns)} columns"
        return Row(record.line, number, None, problem)
    given = dict(zip(columns, record.values, strict=True))
    if holding := [name for name, value in given.items() if "\x00" in value]:
        return Row(record.line, number, None, f"{holding[0]}: holds a NUL character")
    try:
        return Row(record.line, number, _lead(given))
    except ValidationError as failure:
        problem = "; ".join(problems_of(failure)).removeprefix("variables.")
        return Row(record.line, number, None, problem[:_MOST_WORDS])


def _lead(given: dict[str, str]) -> NewLead:
    """An empty value is none: its placeholder counts as missing, its lead has the campaign's zone."""
    phone_number = given.pop(PHONE_NUMBER).strip()
    timezone = given.pop(TIMEZONE, "").strip() or None
    variables = {name: value for name, value in given.items() if value}
    return NewLead(phone_number=phone_number, timezone=timezone, variables=variables)
