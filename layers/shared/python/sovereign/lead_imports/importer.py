"""One import, from its upload to its end, in as many runs as it takes.

Each run goes on where the last one stopped, whether that stopped in time, was killed, or still runs unseen: every step
is a transaction that only one of them can commit.
"""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Literal

from sovereign.campaigns.items import campaign_ref
from sovereign.kernel.clock import Clock, utc_now
from sovereign.kernel.ids import new_id
from sovereign.kernel.observe import logger
from sovereign.kernel.table import Table
from sovereign.lead_imports.checking import check
from sovereign.lead_imports.files import ImportFiles, ImportKey
from sovereign.lead_imports.model import MAX_FILE_BYTES, FileError, LeadImport
from sovereign.lead_imports.reading import records_of
from sovereign.lead_imports.report import ErrorReport
from sovereign.lead_imports.store import ImportStore, LostError
from sovereign.lead_imports.writing import PieceWriter, pieces_of

Outcome = Literal["done", "again"]
MOST_TRIES = 8
"""Runs in a row that store nothing: the last one gives the import up."""
REST_SECONDS = 0.05
"""Between two pieces while the campaign runs: its engine writes to the same item."""
_TOLD_WITHIN = timedelta(minutes=1)
_log = logger()


class Importer:
    """Works imports off. `sleep` waits in seconds."""

    def __init__(
        self,
        table: Table,
        files: ImportFiles,
        *,
        clock: Clock = utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._table = table
        self._files = files
        self._store = ImportStore(table, clock=clock)
        self._clock = clock
        self._sleep = sleep

    def run(self, key: ImportKey, *, time_is_left: Callable[[], bool]) -> Outcome:
        """Do what is to be done for an import; `again` when time ran out first. What cannot be told from a passing
        trouble is raised, and tried again by the sweep."""
        worker = new_id()
        try:
            job = self._store.take(key, worker)
        except LostError:
            return "done"
        if job is None:
            self._files.erase_import(key)
            return "done"
        if job.is_finished:
            self._settle(key)
            return "done"
        try:
            return self._go_on(job, worker, time_is_left)
        except LostError:
            return "done"
        except Exception:
            if self._table.get(campaign_ref(job.org_id, job.campaign_id), consistent=True):
                self._store.let_go(job, worker, after=_TOLD_WITHIN * job.tries)
                raise
        self._files.erase_import(key)  # whatever it was: the campaign is gone, and takes the file along
        self._store.forget(job)
        return "done"

    def _go_on(self, job: LeadImport, worker: str, time_is_left: Callable[[], bool]) -> Outcome:
        try:
            _require_progress(job)
            if job.status == "waiting" and (job := self._receive(job, worker)).status == "waiting":
                return "done"
            if job.status == "checking":
                job = self._store.begin(job, worker, check(lambda offset: self._pieces(job, offset)))
            if job.status == "checking":
                return "done"  # another import adds the same file: the sweep looks again
            if job.status == "running":
                job = self._add_rows(job, worker, time_is_left)
                if job.tally.processed < (job.total_rows or 0):
                    self._store.let_go(job, worker, after=_TOLD_WITHIN)
                    return "again"
                self._report(job)
                job = self._store.complete(job, worker)
        except FileError as problem:
            job = self._give_up(job, worker, problem)
        self._settle(ImportKey.of(job))
        _log.info("import_finished", import_id=job.id, status=job.status, rows=job.tally.processed)
        return "done"

    def _receive(self, job: LeadImport, worker: str) -> LeadImport:
        size = self._files.take_upload(ImportKey.of(job))
        if size is None:
            if self._clock() >= job.upload_until:
                raise FileError("not_uploaded", "no file was uploaded in time")
            self._store.wait_on(job, worker)
            return job
        if size > MAX_FILE_BYTES:
            raise FileError("file_too_large", f"the file is larger than {MAX_FILE_BYTES // 1024**2} MiB")
        return self._store.received(job, worker, size)

    def _add_rows(self, job: LeadImport, worker: str, time_is_left: Callable[[], bool]) -> LeadImport:
        writer = PieceWriter(self._table, worker, clock=self._clock)
        records = records_of(self._pieces(job, job.place.offset), job.delimiter, job.place)
        for piece in pieces_of(records, job.columns, job.place):
            job, campaign_status = writer.write(job, piece)
            if not time_is_left():
                break
            if campaign_status == "scheduled":
                self._sleep(REST_SECONDS)
        return job

    def _give_up(self, job: LeadImport, worker: str, problem: FileError) -> LeadImport:
        """The rows so far count; those that were left out are told as well."""
        stored = self._store.get(job.org_id, job.campaign_id, job.id)
        self._report(stored)
        return self._store.fail(stored, worker, problem)

    def _report(self, job: LeadImport) -> None:
        if job.left_out:
            key = ImportKey.of(job)
            self._files.put_errors(key, ErrorReport(self._table, key).as_csv())

    def _settle(self, key: ImportKey) -> None:
        """Delete the file, with what came too late, and what the error file holds now."""
        self._files.erase_sources(key)
        ErrorReport(self._table, key).remove()
        self._store.settled(key)

    def _pieces(self, job: LeadImport, offset: int) -> Iterator[bytes]:
        return self._files.pieces(ImportKey.of(job), job.size or 0, offset)


def _require_progress(job: LeadImport) -> None:
    if job.tries > MOST_TRIES:
        raise FileError("internal_error", "the import could not be finished: upload the file again")
