"""The daily work: per organization, oldest first, in batches, resumed where the last run stopped."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from sovereign.calls.model import CallRef
from sovereign.calls.store import CallStore
from sovereign.kernel.clock import Clock, utc_now
from sovereign.kernel.errors import NotFoundError
from sovereign.kernel.observe import logger
from sovereign.organizations.store import OrganizationStore
from sovereign.recordings.storage import Recordings
from sovereign.retention.register import Progress, RetentionRegister
from sovereign.webhooks.traces import WebhookTraces

_THREADS = 8

_log = logger()


@dataclass(frozen=True)
class _Job:
    """One kind of data: kept `days` (None = for good), erased up to call number `after`."""

    kind: str
    days: int | None
    after: int
    erase: Callable[[CallRef], None]


class RetentionEraser:
    """Erases; everything may be repeated, and a call that fails keeps its organization's progress where it was."""

    def __init__(
        self,
        *,
        register: RetentionRegister,
        organizations: OrganizationStore,
        calls: CallStore,
        traces: WebhookTraces,
        recordings: Recordings | None,
        clock: Clock = utc_now,
    ) -> None:
        self._register = register
        self._organizations = organizations
        self._calls = calls
        self._traces = traces
        self._recordings = recordings
        self._clock = clock

    def run(self, *, time_is_left: Callable[[], bool]) -> bool:
        """Erase what is past its period; False when time ran out first. One organization's failure stops no other."""
        finished = True
        for progress in list(self._register.organizations()):
            try:
                finished &= self._erase_organization(progress, time_is_left)
            except Exception:  # noqa: BLE001 - the others' data is due as well; the alarm sees the log
                _log.exception("retention_failed", org_id=progress.org_id)
                finished = False
        return finished

    def _erase_organization(self, progress: Progress, time_is_left: Callable[[], bool]) -> bool:
        try:
            organization = self._organizations.get(progress.org_id)
        except NotFoundError:
            return True
        jobs = (
            _Job("content", organization.content_retention_days, progress.content_number, self._erase_content),
            _Job("metadata", organization.metadata_retention_days, progress.metadata_number, self._erase_metadata),
        )
        return all(self._finish(progress.org_id, job, time_is_left) for job in jobs)

    def _finish(self, org_id: str, job: "_Job", time_is_left: Callable[[], bool]) -> bool:
        if job.days is None:
            return True
        cutoff, after = self._clock() - timedelta(days=job.days), job.after
        while time_is_left():
            refs = self._calls.erasure.refs_made_before(org_id, cutoff, after_number=after)
            if not refs:
                return True
            _in_parallel(job.erase, refs)
            after = refs[-1].number
            self._register.advance(org_id, job.kind, after)
        return False

    def _erase_content(self, ref: CallRef) -> None:
        if self._recordings and self._calls.rows.get(ref).started_at:
            # whatever the row says: pieces of a recording may lie there that were never put together
            self._recordings.erase(ref)
        self._traces.erase_content(ref)
        self._calls.erasure.erase_content(ref)

    def _erase_metadata(self, ref: CallRef) -> None:
        self._traces.erase_records(ref)
        self._calls.erasure.erase_metadata(ref)


def _in_parallel(erase: Callable[[CallRef], None], refs: Iterable[CallRef]) -> None:
    """Erase a batch; raises the first failure after all were tried."""
    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(erase, refs):
            pass
