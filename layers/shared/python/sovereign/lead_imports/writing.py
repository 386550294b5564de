"""A piece of a file becomes leads: leads, their numbers, the campaign's counts, what was left out and how far the
import is go into one transaction, so that a worker that dies anywhere leaves nothing to repair."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sovereign.campaigns.intake import ABANDONED_AFTER, count_writes, lead_from, lead_writes
from sovereign.campaigns.items import (
    campaign_ref,
    count_moves,
    counted,
    counting,
    counting_blocks,
    lead_ref,
    phone_put,
    phone_ref,
)
from sovereign.campaigns.lead import Lead, NewLead
from sovereign.campaigns.model import Status
from sovereign.do_not_call import entry_ref
from sovereign.kernel.clock import Clock, from_wire
from sovereign.kernel.errors import UnavailableError
from sovereign.kernel.table import Attr, Item, Put, Ref, Table, Update, absent
from sovereign.kernel.unit_of_work import MAX_WRITES, UnitOfWork
from sovereign.lead_imports.items import errors_ref, import_ref, placed
from sovereign.lead_imports.model import LeadImport, Place, Tally, require_open
from sovereign.lead_imports.reading import Record
from sovereign.lead_imports.rows import Row, row_of
from sovereign.lead_imports.store import CampaignGoneError, LostError, held_by, held_until

LEADS = 46
"""Two writes each. The room that is left is for facts: four of them may be on the do-not-call list."""
ROOM = MAX_WRITES - 4
"""Writes of leads that fit a transaction: beside them the import, the campaign's counts, those by block, and what was
left out."""
ROWS = 500
"""Rows that are all left out: their problems fit one item."""
BYTES = 1024 * 1024
"""A transaction takes 4 MB."""
TOLD_EACH = timedelta(seconds=30)
"""How often the engine is told of new leads."""
_ATTEMPTS = 5


def pieces_of(records: Iterable[Record], columns: Sequence[str], begin: Place) -> Iterator[Sequence[Row]]:
    """The rows of a file in pieces that fit a transaction, unless many of them are on the do-not-call list."""
    rows: list[Row] = []
    for record in records:
        if record.is_blank:
            continue
        rows.append(row_of(record, columns))
        good = sum(1 for row in rows if row.lead)
        if good == LEADS or len(rows) == ROWS or record.behind.offset - begin.offset >= BYTES:
            yield rows
            rows, begin = [], record.behind
    if rows:
        yield rows


class _MovedError(Exception):
    """A number came into the campaign since it was looked for."""


class PieceWriter:
    """Writes pieces of one import."""

    def __init__(self, table: Table, worker: str, *, clock: Clock) -> None:
        self._table = table
        self._worker = worker
        self._clock = clock
        self._told_at: datetime | None = None

    def write(self, job: LeadImport, piece: Sequence[Row]) -> tuple[LeadImport, Status]:
        """Store a piece (two requests, two more for each further transaction it needs); the import as it is then, and
        the campaign's status as it was before.

        Raises LostError, CampaignGoneError, and FileError when the campaign is closed.
        """
        while True:
            job, campaign_status = self._write_some(job, piece)
            piece = [row for row in piece if row.number >= job.place.row]
            if not piece:
                return job, campaign_status

    def _write_some(self, job: LeadImport, rows: Sequence[Row]) -> tuple[LeadImport, Status]:
        """Store as many of the rows as fit a transaction, from the first."""
        for _ in range(_ATTEMPTS):
            found = self._look_up(job, rows)
            campaign = found.get(campaign_ref(job.org_id, job.campaign_id))
            if campaign is None:
                raise CampaignGoneError
            require_open(campaign["status"])
            try:
                return self._store(job, rows, _Sorting(job, found, self._abandoned(job, found))), campaign["status"]
            except _MovedError:
                continue
        raise UnavailableError("the campaign is busy", retry_after=1)

    def _look_up(self, job: LeadImport, rows: Sequence[Row]) -> dict[Ref, Item]:
        keys = [campaign_ref(job.org_id, job.campaign_id)]
        for number in {row.lead.phone_number for row in rows if row.lead}:
            keys.append(phone_ref(job.org_id, job.campaign_id, number))
            if listed := entry_ref(job.org_id, number):
                keys.append(listed)
        return self._table.get_many(keys, consistent=True)

    def _abandoned(self, job: LeadImport, found: dict[Ref, Item]) -> frozenset[str]:
        """Leads that were never stored, though their numbers were claimed: by requests that were cut off."""
        oldest = self._clock() - ABANDONED_AFTER
        old = [i["lead_id"] for i in found.values() if "claimed_at" in i and from_wire(i["claimed_at"]) < oldest]
        owners = {lead_ref(job.org_id, job.campaign_id, lead_id): lead_id for lead_id in old}
        stored = self._table.get_many(list(owners), consistent=True) if owners else {}
        return frozenset(lead_id for owner, lead_id in owners.items() if owner not in stored)

    def _store(self, job: LeadImport, rows: Sequence[Row], sorting: "_Sorting") -> LeadImport:
        now = self._clock()
        done = sorting.sort(rows, now)
        written = replace(job, place=done.behind, tally=_sum(job.tally, done.tally), tries=0)
        unit = UnitOfWork()
        unit.add(self._progress(job, done, now), otherwise=_lost)
        is_time = self._told_at is None or now >= self._told_at + TOLD_EACH
        if done.leads:
            moves = count_moves(counted(lead) for lead, _, _ in done.leads)
            campaign = campaign_ref(job.org_id, job.campaign_id)
            unit.add(counting(campaign, moves, added_at=now if is_time else None), otherwise=_moved)
            blocks = counting_blocks(job.org_id, job.campaign_id, (counted(lead) for lead, _, _ in done.leads))
            unit.add(blocks)
        for lead, line, stale in done.leads:
            claim = phone_put(job.org_id, lead).item | {"import_id": job.id, "line": line}
            free = absent if stale is None else absent | Attr("lead_id").eq(stale)
            unit.add(Put(claim, free), otherwise=_moved)
            unit.add(*lead_writes(job.org_id, lead))
        if done.problems:
            unit.add(Put({**errors_ref(job, rows[0].number)._asdict(), "rows": done.problems}))
        unit.commit(self._table)
        if done.leads and is_time:
            self._told_at = now
        return written

    def _progress(self, job: LeadImport, done: "_Sorted", now: datetime) -> Update:
        added = {f"{name}_rows": count for name, count in vars(done.tally).items() if count}
        return Update(
            import_ref(job.org_id, job.campaign_id, job.id),
            set={**placed(done.behind), "tries": 0, "due_at": held_until(now)},
            add=added,
            condition=held_by(self._worker) & Attr("offset").eq(job.place.offset),
        )


@dataclass(frozen=True)
class _Sorted:
    """Leads to add, each with its line and the lead whose abandoned claim it takes over; lines left out, and why;
    where the first row begins that no longer fitted."""

    leads: Sequence[tuple[Lead, int, str | None]]
    problems: Sequence[tuple[int, str]]
    tally: Tally
    behind: Place


@dataclass(frozen=True)
class _Sorting:
    """What becomes of rows, by what was found of their numbers."""

    job: LeadImport
    found: dict[Ref, Item]
    abandoned: frozenset[str]

    def sort(self, rows: Sequence[Row], now: datetime) -> _Sorted:
        leads: list[tuple[Lead, int, str | None]] = []
        problems: list[tuple[int, str]] = []
        lines: dict[str, int] = {}
        invalid, room, behind = 0, ROOM, self.job.place
        for row in rows:
            if row.lead is None:
                problems.append((row.line, row.problem or ""))
                invalid += 1
            elif why := self._duplicate(row.lead, lines):
                problems.append((row.line, why))
            else:
                lead = self._lead(row, row.lead, now)
                room -= 1 + count_writes(lead)
                if room < 0:
                    break
                lines[lead.phone_number] = row.line
                leads.append((lead, row.line, self._stale(row.lead)))
            behind = row.behind
        skipped = sum(lead.status == "skipped" for lead, _, _ in leads)
        duplicate = len(problems) - invalid
        return _Sorted(leads, problems, Tally(len(leads), skipped, duplicate, invalid), behind)

    def _duplicate(self, lead: NewLead, lines: dict[str, int]) -> str | None:
        if line := lines.get(lead.phone_number):
            return f"phone_number: is also on line {line}"
        claim = self._claim(lead)
        if claim is None or claim["lead_id"] in self.abandoned:
            return None
        if claim.get("import_id") == self.job.id:
            return f"phone_number: is also on line {claim['line']}"
        return "phone_number: is in this campaign already"

    def _claim(self, lead: NewLead) -> Item | None:
        return self.found.get(phone_ref(self.job.org_id, self.job.campaign_id, lead.phone_number))

    def _stale(self, lead: NewLead) -> str | None:
        claim = self._claim(lead)
        return None if claim is None else str(claim["lead_id"])

    def _lead(self, row: Row, given: NewLead, now: datetime) -> Lead:
        number = (self.job.first_number or 1) + row.number
        listed = entry_ref(self.job.org_id, given.phone_number)
        return lead_from(given, self.job.campaign_id, number, now, is_listed=listed in self.found)


def _sum(one: Tally, other: Tally) -> Tally:
    return Tally(*(a + b for a, b in zip(vars(one).values(), vars(other).values(), strict=True)))


def _lost(_old: Item | None) -> Exception:
    return LostError()


def _moved(_old: Item | None) -> Exception:
    return _MovedError()
