"""The file as a whole, before any of its rows becomes a lead: what is wrong with it then leaves nothing half done."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sovereign.lead_imports.columns import columns_of, delimiter_of
from sovereign.lead_imports.model import MAX_LINES, MAX_ROWS, FileError, Place
from sovereign.lead_imports.reading import Record, first_line, records_of

Opened = Callable[[int], Iterator[bytes]]
"""The bytes of a file from an offset on, in pieces."""


@dataclass(frozen=True)
class Checked:
    """What is known of a file that can be used: `first` is where its first row begins; `digest` its SHA-256."""

    delimiter: str
    columns: tuple[str, ...]
    first: Place
    rows: int
    digest: str


def check(opened: Opened) -> Checked:
    """Read the whole file once. Raises FileError."""
    line = first_line(opened(0))
    if not line:
        raise FileError("empty_file", "the file is empty")
    delimiter, digest = delimiter_of(line), hashlib.sha256()

    def hashed() -> Iterator[bytes]:
        for piece in opened(0):
            digest.update(piece)
            yield piece

    records = _filled(records_of(hashed(), delimiter, Place()))
    header = next(records)
    columns, first = columns_of(header), Place(header.behind.offset, header.behind.line, 0)
    rows = _count(records)
    return Checked(delimiter, columns, first, rows, digest.hexdigest())


def _filled(records: Iterator[Record]) -> Iterator[Record]:
    for record in records:
        if record.line > MAX_LINES:
            raise FileError("too_many_rows", f"the file has more than {MAX_LINES:,} lines")
        if not record.is_blank:
            yield record


def _count(records: Iterator[Record]) -> int:
    rows = 0
    for _ in records:
        rows += 1
        if rows > MAX_ROWS:
            raise FileError("too_many_rows", f"the file has more than {MAX_ROWS:,} rows: split it")
    if not rows:
        raise FileError("no_rows", "the file names its columns and has no row")
    return rows
