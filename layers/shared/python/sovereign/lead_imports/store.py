"""Where imports are kept, and how one moves on. Who works on one holds it by name: a worker that was given up for dead
and wakes again finds that it is not its turn."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from sovereign.campaigns.facts import import_fact
from sovereign.campaigns.items import campaign_ref, still_open
from sovereign.campaigns.model import CampaignClosedError, CampaignNotFoundError
from sovereign.kernel.clock import Clock, to_wire, utc_now
from sovereign.kernel.conditions import Condition
from sovereign.kernel.errors import UnavailableError
from sovereign.kernel.ids import new_id
from sovereign.kernel.table import (
    Attr,
    Check,
    ConditionFailed,
    Delete,
    Item,
    Put,
    Ref,
    Table,
    Update,
    Write,
    absent,
    present,
)
from sovereign.kernel.unit_of_work import UnitOfWork
from sovereign.lead_imports.checking import Checked
from sovereign.lead_imports.files import ImportKey
from sovereign.lead_imports.items import (
    IMPORT_SHARDS,
    content_ref,
    from_item,
    import_ref,
    key_of_mark,
    new_item,
    placed,
)
from sovereign.lead_imports.model import (
    UNFINISHED,
    UPLOAD_TIME,
    FileError,
    ImportNotFoundError,
    LeadImport,
    require_open,
)

HELD = timedelta(minutes=3)
"""A worker that has not stored anything for so long is taken for dead."""
_GRACE = timedelta(minutes=2)
"""After an upload's address has ended: what was sent at the last moment arrives, and its event."""
_NEVER_UPLOADED_KEPT = timedelta(days=7)
_OTHER_LOOKED_AT_EACH = timedelta(minutes=1)
_ATTEMPTS = 8


class LostError(Exception):
    """Somebody else works on the import, or it is gone: stop without a word."""


class CampaignGoneError(Exception):
    """The campaign was deleted, and the import with it."""


class ImportStore:
    """The imports of all campaigns; every method works within the organization and campaign named."""

    def __init__(self, table: Table, *, clock: Clock = utc_now) -> None:
        self._table = table
        self._clock = clock

    def create(self, org_id: str, campaign_id: str) -> LeadImport:
        """A new import into an open campaign (one request)."""
        ref, now = campaign_ref(org_id, campaign_id), self._clock()
        job = LeadImport(new_id(), org_id, campaign_id.lower(), "waiting", now, now + UPLOAD_TIME)
        item = new_item(job) | {
            "due_at": to_wire(job.upload_until + _GRACE),
            "expires_at": int((now + _NEVER_UPLOADED_KEPT).timestamp()),
        }
        unit = UnitOfWork()
        unit.add(Check(ref, still_open), otherwise=_closed)
        unit.add(Put(item, absent))
        unit.commit(self._table)
        return job

    def get(self, org_id: str, campaign_id: str, import_id: str) -> LeadImport:
        """One import (one request). Raises CampaignNotFoundError, ImportNotFoundError."""
        campaign = campaign_ref(org_id, campaign_id)
        ref = import_ref(org_id, campaign_id, import_id)
        found = self._table.get_many([campaign, ref], consistent=True)
        if campaign not in found:
            raise CampaignNotFoundError
        if ref not in found:
            raise ImportNotFoundError
        return from_item(found[ref])

    def overdue(self) -> Iterator[ImportKey]:
        """Imports nobody has looked after in time."""
        until = to_wire(self._clock())
        for shard in IMPORT_SHARDS:
            for mark in list(self._table.query(shard, index="due", between=("0", until))):
                yield key_of_mark(mark)

    def take(self, key: ImportKey, worker: str) -> LeadImport | None:
        """Hold an unfinished import nobody holds. Raises LostError when somebody does.

        A finished one is returned as it is, None when there is none.
        """
        now = self._clock()
        unfinished = _any_status(UNFINISHED)
        free = Attr("worker").not_exists() | Attr("due_at").lte(to_wire(now))
        update = Update(
            import_ref(*key),
            set={"worker": worker, "due_at": to_wire(now + HELD)},
            add={"tries": 1},
            condition=unfinished & free,
        )
        try:
            return from_item(self._table.update(update))
        except ConditionFailed as failure:
            if failure.old is None:
                return None
            found = from_item(failure.old)
            if not found.is_finished:
                raise LostError from failure
            return found

    def let_go(self, job: LeadImport, worker: str, *, after: timedelta, is_progress: bool = False) -> None:
        """Let somebody else go on; when nobody is told, the sweep finds it after a while.

        `is_progress`: the run was none of those that get nowhere.
        """
        known: Item = {"due_at": to_wire(self._clock() + after)} | ({"tries": 0} if is_progress else {})
        try:
            self._table.update(Update(_own(job), set=known, remove=["worker"], condition=held_by(worker)))
        except ConditionFailed:
            return

    def wait_on(self, job: LeadImport, worker: str) -> None:
        """Nothing was uploaded yet after all."""
        self.let_go(job, worker, after=max(timedelta(0), job.upload_until - self._clock()) + _GRACE)

    def received(self, job: LeadImport, worker: str, size: int) -> LeadImport:
        """The upload is there."""
        now = self._clock()
        known = {"status": "checking", "size": size, "started_at": to_wire(now), "due_at": to_wire(now + HELD)}
        try:
            item = self._table.update(Update(_own(job), set=known, remove=["expires_at"], condition=held_by(worker)))
        except ConditionFailed as failure:
            raise LostError from failure
        return from_item(item)

    def begin(self, job: LeadImport, worker: str, checked: Checked) -> LeadImport:
        """Give each row its lead number; from now on the campaign is not completed before the import is.

        A file that another import of the campaign has added is completed with nothing to do; while the other still
        adds it this one stays as it is, and is looked at again. Raises FileError when the campaign is closed.
        """
        for _ in range(_ATTEMPTS):
            campaign = self._open_campaign(job)
            begun = replace(
                job,
                status="running",
                digest=checked.digest,
                delimiter=checked.delimiter,
                columns=checked.columns,
                total_rows=checked.rows,
                place=checked.first,
                first_number=campaign["last_lead_number"] + 1,
            )
            try:
                self._table.transact(self._beginning(begun, worker, campaign["last_lead_number"]))
            except ConditionFailed as failure:
                if failure.index == 0:
                    raise LostError from failure
                if failure.index == 1 and failure.old:
                    return self._leave_to_other(begun, worker, failure.old["import_id"])
                continue  # leads were added at the same moment, or the campaign was closed
            return begun
        raise UnavailableError("the campaign is busy", retry_after=1)

    def _leave_to_other(self, begun: LeadImport, worker: str, other_id: str) -> LeadImport:
        """End with what the other import of the same file came to; one that fails sets the file free."""
        if self.get(begun.org_id, begun.campaign_id, other_id).status == "completed":
            return self._finish(replace(begun, status="completed", same_as=other_id), worker)
        self.let_go(begun, worker, after=_OTHER_LOOKED_AT_EACH, is_progress=True)
        return replace(begun, status="checking")

    def fail(self, job: LeadImport, worker: str, problem: FileError) -> LeadImport:
        """Give up, with the reason; what was imported stays. The same file may then be tried again."""
        return self._finish(replace(job, status="failed", error=(problem.code, problem.message)), worker)

    def complete(self, job: LeadImport, worker: str) -> LeadImport:
        """All rows are dealt with."""
        return self._finish(replace(job, status="completed"), worker)

    def settled(self, key: ImportKey) -> None:
        """What a finished import left lying is gone."""
        try:
            self._table.update(Update(import_ref(*key), remove=["due_shard", "due_at"], condition=present))
        except ConditionFailed:
            return

    def forget(self, job: LeadImport) -> None:
        """Remove an import whose campaign is gone."""
        self._table.delete(Delete(_own(job)))

    def _open_campaign(self, job: LeadImport) -> Item:
        item = self._table.get(campaign_ref(job.org_id, job.campaign_id), consistent=True)
        if item is None:
            raise CampaignGoneError
        require_open(item["status"])
        return item

    def _beginning(self, begun: LeadImport, worker: str, last: int) -> list[Write]:
        known = {
            "status": begun.status,
            "digest": begun.digest,
            "delimiter": begun.delimiter,
            "columns": list(begun.columns),
            "total_rows": begun.total_rows,
            "first_number": begun.first_number,
            "due_at": to_wire(self._clock() + HELD),
            **placed(begun.place),
        }
        content = content_ref(begun.org_id, begun.campaign_id, begun.digest or "")
        return [
            Update(_own(begun), set=known, condition=held_by(worker)),
            Put({**content._asdict(), "import_id": begun.id}, absent),
            Update(
                campaign_ref(begun.org_id, begun.campaign_id),
                add={"last_lead_number": begun.total_rows or 0, "open_imports": 1},
                condition=still_open & Attr("last_lead_number").eq(last),
            ),
        ]

    def _finish(self, done: LeadImport, worker: str) -> LeadImport:
        now = self._clock()
        done = replace(done, finished_at=now)
        was_running = done.first_number is not None and done.same_as is None
        known: Item = {"status": done.status, "finished_at": to_wire(now), "due_at": to_wire(now + HELD)}
        if done.error:
            known |= {"error": {"code": done.error[0], "message": done.error[1]}}
        if done.same_as:
            known |= {"same_as": done.same_as, "digest": done.digest, "total_rows": done.total_rows}
        # the engine shall look soon: with the last leads, or none, the campaign may be over
        released = Update(
            campaign_ref(done.org_id, done.campaign_id),
            set={"due_at": to_wire(now)} if was_running else {},
            add={"open_imports": -1} if was_running else {},
            condition=present,
        )
        unit = UnitOfWork()
        unit.add(Update(_own(done), set=known, remove=["worker"], condition=held_by(worker)), otherwise=_lost)
        unit.add(released if was_running else Check(released.ref, present), otherwise=_gone)
        unit.add(import_fact(done.org_id, done.campaign_id, done.id, done.status, now, tally=done.tally.told()))
        if was_running and done.status == "failed":
            content = content_ref(done.org_id, done.campaign_id, done.digest or "")
            unit.add(Delete(content, absent | Attr("import_id").eq(done.id)))
        unit.commit(self._table)
        return done


def held_by(worker: str) -> Condition:
    """Condition: the import is this worker's, and not finished."""
    return Attr("worker").eq(worker) & _any_status(UNFINISHED)


def held_until(now: datetime) -> str:
    """`due_at` of an import that is being worked on."""
    return to_wire(now + HELD)


def _any_status(statuses: tuple[str, ...]) -> Condition:
    first, *others = (Attr("status").eq(status) for status in statuses)
    condition: Condition = first
    for other in others:
        condition = condition | other
    return condition


def _own(job: LeadImport) -> Ref:
    return import_ref(job.org_id, job.campaign_id, job.id)


def _closed(old: Item | None) -> Exception:
    return CampaignClosedError(old["status"]) if old else CampaignNotFoundError()


def _lost(_old: Item | None) -> Exception:
    return LostError()


def _gone(_old: Item | None) -> Exception:
    return CampaignGoneError()
