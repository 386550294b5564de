"""An import of leads from a file: what a file may be, how far the work is, what became of the rows."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sovereign.campaigns.model import OPEN
from sovereign.kernel.clock import to_wire
from sovereign.kernel.errors import NotFoundError

Status = Literal["waiting", "checking", "running", "completed", "failed"]
"""`waiting` for the upload, `checking` the file as a whole, `running`: rows become leads."""
UNFINISHED: tuple[Status, ...] = ("waiting", "checking", "running")

UPLOADS = "uploads/"
"""Begins the keys that presigned requests may write."""
KEPT = "imports/"
"""Begins the keys of what is read from there, and of error files."""
MAX_FILE_BYTES = 50 * 1024 * 1024
MAX_ROWS = 100_000
MAX_LINES = 10 * MAX_ROWS
"""With the empty ones, and values of several lines: a file of nothing else would take minutes to read."""
UPLOAD_TIME = timedelta(hours=1)
"""How long the address of an upload can be used."""
ERRORS_KEPT = timedelta(days=30)
"""How long the error file can be had; the bucket's lifecycle removes it then."""


class ImportNotFoundError(NotFoundError):
    """The campaign has no such import."""

    def __init__(self) -> None:
        super().__init__("No such import.")


class FileError(Exception):
    """The file, or what it is for, cannot be used as it is: the import fails with this code and these words.

    The words name lines and columns, never what stands there: that is somebody's data.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Tally:
    """What became of the rows so far. `skipped` ones were imported too: they are leads that will not be called."""

    imported: int = 0
    skipped: int = 0
    duplicate: int = 0
    invalid: int = 0

    @property
    def processed(self) -> int:
        """Rows that are dealt with."""
        return self.imported + self.duplicate + self.invalid

    def told(self) -> dict[str, int]:
        """As the fact of the end tells it."""
        return {"imported": self.imported, "duplicate": self.duplicate, "invalid": self.invalid}


@dataclass(frozen=True)
class Place:
    """Where in the file the next row is read: byte, line (from 1), row (from 0)."""

    offset: int = 0
    line: int = 1
    row: int = 0


@dataclass(frozen=True)
class LeadImport:
    """One import. The file's columns and size are known once it was checked; `first_number` is then the lead number of
    its first row, and each further row has the next one, so that work which is done twice meets itself."""

    id: str
    org_id: str
    campaign_id: str
    status: Status
    created_at: datetime
    upload_until: datetime
    size: int | None = None
    digest: str | None = None
    delimiter: str = ","
    columns: tuple[str, ...] = ()
    total_rows: int | None = None
    first_number: int | None = None
    place: Place = field(default_factory=Place)
    tally: Tally = field(default_factory=Tally)
    same_as: str | None = None
    error: tuple[str, str] | None = None
    tries: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def is_finished(self) -> bool:
        """Whether nothing happens to it any more."""
        return self.status not in UNFINISHED

    @property
    def left_out(self) -> int:
        """Rows that did not become leads; each is in the error file."""
        return self.tally.duplicate + self.tally.invalid

    def errors_until(self, now: datetime) -> datetime | None:
        """Until when its error file can be had; None when there is none, or none any more."""
        if not self.left_out or self.finished_at is None:
            return None
        until = self.finished_at + ERRORS_KEPT
        return until if until > now else None

    def public(self) -> dict[str, Any]:
        """As responses show it, without the addresses of its files."""
        tally = self.tally
        return {
            "id": self.id,
            "campaign_id": self.campaign_id,
            "status": self.status,
            "size_bytes": self.size,
            "sha256": self.digest,
            "total_rows": self.total_rows,
            "processed_rows": tally.processed,
            "imported_rows": tally.imported,
            "skipped_rows": tally.skipped,
            "duplicate_rows": tally.duplicate,
            "invalid_rows": tally.invalid,
            "same_as_import_id": self.same_as,
            "error": None if self.error is None else {"code": self.error[0], "message": self.error[1]},
            "created_at": to_wire(self.created_at),
            "started_at": None if self.started_at is None else to_wire(self.started_at),
            "finished_at": None if self.finished_at is None else to_wire(self.finished_at),
        }


def require_open(campaign_status: str) -> None:
    """Raises FileError when the campaign takes no leads any more."""
    if campaign_status not in OPEN:
        raise FileError("campaign_closed", f"the campaign is {campaign_status} and takes no leads any more")
