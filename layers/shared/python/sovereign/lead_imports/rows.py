"""One record of a file as a lead, or what is wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from sovereign.campaigns.lead import NewLead
from sovereign.catalog.problems import problems_of
from sovereign.lead_imports.columns import PHONE_NUMBER, TIMEZONE
from sovereign.lead_imports.model import Place
from sovereign.lead_imports.reading import Record

_MOST_WORDS = 300


@dataclass(frozen=True)
class Row:
    """A row of the file; `behind` is where the next one begins. Either `lead` or `problem` is there."""

    line: int
    behind: Place
    lead: NewLead | None
    problem: str | None = None

    @property
    def number(self) -> int:
        """Counts rows from 0."""
        return self.behind.row - 1


def row_of(record: Record, columns: Sequence[str]) -> Row:
    """A record that is not blank, checked. A problem names the column and never repeats the value."""
    line, behind = record.line, record.behind
    if len(record.values) != len(columns):
        problem = f"has {len(record.values)} values where the first line names {len(columns)} columns"
        return Row(line, behind, None, problem)
    given = dict(zip(columns, record.values, strict=True))
    if holding := [name for name, value in given.items() if "\x00" in value]:
        return Row(line, behind, None, f"{holding[0]}: holds a NUL character")
    try:
        return Row(line, behind, _lead(given))
    except ValidationError as failure:
        problem = "; ".join(problems_of(failure)).removeprefix("variables.")
        return Row(line, behind, None, problem[:_MOST_WORDS])


def _lead(given: dict[str, str]) -> NewLead:
    """An empty value is none: its placeholder counts as missing, its lead has the campaign's zone."""
    phone_number = given.pop(PHONE_NUMBER).strip()
    timezone = given.pop(TIMEZONE, "").strip() or None
    variables = {name: value for name, value in given.items() if value}
    return NewLead(phone_number=phone_number, timezone=timezone, variables=variables)
