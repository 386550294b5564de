"""From the bytes of a file to its records, one by one: what is in memory is a piece of the file and one record."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass

from sovereign.lead_imports.model import FileError, Place

MAX_RECORD_BYTES = 256 * 1024
"""More than the longest row the bounds of a lead allow."""
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Record:
    """Values of one row, the line it begins on, and where the next one begins. An empty line has no values."""

    line: int
    values: list[str]
    behind: Place

    @property
    def is_blank(self) -> bool:
        """Whether nothing stands there: spreadsheets leave such rows at the end."""
        return not any(value.strip() for value in self.values)


def lines_of(pieces: Iterator[bytes], first: int) -> Iterator[bytes]:
    """The lines of a file from the pieces it is read in, each with its end; `first` is the number of the first.

    Raises FileError for one that is too long.
    """
    rest, number = b"", first
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            _check_length(line, number)
            yield line + b"\n"
            number += 1
        _check_length(rest, number)
    if rest:
        yield rest


def records_of(pieces: Iterator[bytes], delimiter: str, start: Place) -> Iterator[Record]:
    """The records from a place on; `row` counts those that are not blank. Raises FileError where it is no CSV."""
    feed = _Feed(lines_of(pieces, start.line), start)
    reader, row = csv.reader(feed, delimiter=delimiter, strict=True), start.row
    while True:
        line = feed.line
        feed.begin_record()
        try:
            values = next(reader, None)
        except csv.Error:
            raise FileError("malformed_csv", f"line {line}: {_MALFORMED}") from None
        if values is None:
            return
        record = Record(line, values, Place(feed.offset, feed.line, row))
        if not record.is_blank:
            row += 1
            record = Record(line, values, Place(feed.offset, feed.line, row))
        yield record


def first_line(pieces: Iterator[bytes]) -> str:
    """The first line that is not empty, "" when there is none. Raises FileError where it is no text."""
    return next((text for text in _Feed(lines_of(pieces, 1), Place()) if text.strip()), "")


_MALFORMED = (
    "not well-formed CSV: a quoted value is not closed, goes on behind its closing quote or is longer than 131,072 "
    "characters, or a line ends with CR alone"
)


class _Feed:
    """Hands lines to the CSV reader as text, and knows how far it has read: it takes a line only when it needs one."""

    def __init__(self, lines: Iterator[bytes], start: Place) -> None:
        self._lines = lines
        self.offset = start.offset
        self.line = start.line
        self._record_began = start.offset

    def begin_record(self) -> None:
        self._record_began = self.offset

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        raw = next(self._lines)
        if self.offset == 0:
            _check_encoding(raw)
        self.offset += len(raw)
        if self.offset - self._record_began > MAX_RECORD_BYTES:
            raise _too_long(self.line)
        try:
            text = raw.removeprefix(_UTF8_MARK).decode() if self.offset == len(raw) else raw.decode()
        except UnicodeDecodeError:
            raise FileError("not_utf8", f"line {self.line} is not UTF-8: save the file as CSV UTF-8") from None
        self.line += 1
        return text


def _check_encoding(first_line: bytes) -> None:
    if first_line.startswith(_UTF16_MARKS):
        raise FileError("not_utf8", "the file is UTF-16: save it as CSV UTF-8")


def _check_length(line: bytes, number: int) -> None:
    if len(line) > MAX_RECORD_BYTES:
        raise _too_long(number)


def _too_long(line: int) -> FileError:
    return FileError("row_too_long", f"line {line}: a row is longer than {MAX_RECORD_BYTES // 1024} KiB")
