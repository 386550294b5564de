"""Adding leads: all of a request or, when a number is in the campaign already, none.

Few leads go in with one transaction. More than fit first claim their numbers, which shows every duplicate before any
lead exists, and are then stored in transactions that keep the campaign's counts exact. One that is skipped from the
start is over, and told as such with its first write.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from sovereign.campaigns.facts import lead_fact
from sovereign.campaigns.items import (
    campaign_ref,
    count_moves,
    counted,
    counting,
    counting_blocks,
    lead_put,
    lead_ref,
    phone_put,
    phone_ref,
    still_open,
)
from sovereign.campaigns.lead import Lead, NewLead, new_lead_id
from sovereign.campaigns.model import OPEN, CampaignClosedError, CampaignNotFoundError
from sovereign.do_not_call import entry_ref
from sovereign.kernel.clock import Clock, from_wire, utc_now
from sovereign.kernel.errors import ConflictError, DomainError
from sovereign.kernel.table import Attr, ConditionFailed, Delete, Item, Put, Ref, Table, Update, Write
from sovereign.kernel.unit_of_work import UnitOfWork

WRITES = 100
"""Writes of a transaction, and keys of a batch read."""
ROOM = WRITES - 2
"""Writes of leads that fit a transaction: beside them the campaign's counts and those by block."""
ABANDONED_AFTER = timedelta(minutes=10)
"""A claim without a lead is left from a request that was cut off: no function runs for that long."""

Element = TypeVar("Element")


class _DuplicateError(Exception):
    """Some number is claimed already."""


class LeadIntake:
    """Adds leads to campaigns."""

    def __init__(self, table: Table, *, clock: Clock = utc_now) -> None:
        self._table = table
        self._clock = clock

    def add(self, org_id: str, campaign_id: str, given: Sequence[NewLead], *, path: str = "leads[{}].") -> list[Lead]:
        """Add leads to an open campaign: three requests for up to 49, else three to four for each hundred.

        One on the do-not-call list needs room for one and a half. Raises ConflictError naming every duplicate; `path`
        leads to the lead of an index in the request. When the table fails in between, the error's `added` says how many
        of the leads, from the first, are in.
        """
        ref = campaign_ref(org_id, campaign_id)
        listed = self._listed(org_id, given, ref)
        if _repeats(given, path):
            self._refuse_duplicates(org_id, ref, given, path)
        is_few = 2 * len(given) + sum(lead.phone_number in listed for lead in given) <= ROOM
        leads = self.numbered(ref, given, listed, self._allocate(ref, len(given), ahead=not is_few))
        if is_few:
            self._add_at_once(org_id, ref, leads, path)
        else:
            self._add_in_steps(org_id, ref, leads, path)
        return leads

    def numbered(self, campaign: Ref, given: Sequence[NewLead], listed: frozenset[str], first: int) -> list[Lead]:
        """The leads with numbers from `first` on; those on the do-not-call list are skipped from the start."""
        campaign_id, now = campaign.sk.partition("#")[2], self._clock()
        return [
            lead_from(lead, campaign_id, first + place, now, is_listed=lead.phone_number in listed)
            for place, lead in enumerate(given)
        ]

    def store_claiming(self, org_id: str, ref: Ref, leads: Sequence[Lead]) -> None:
        """Store leads together with the claims of their numbers, in as few transactions as fit."""
        for chunk in fitting(leads, ROOM, claims=True):
            unit = UnitOfWork()
            unit.add(*(phone_put(org_id, lead) for lead in chunk), otherwise=lambda _old: _DuplicateError())
            self._add_stored(unit, org_id, ref, chunk)
            unit.commit(self._table)

    def listed(self, org_id: str, given: Sequence[NewLead], *, also: Sequence[Ref] = ()) -> dict[Ref, Item]:
        """What is on the do-not-call list of these numbers, and `also`, in one read per hundred keys."""
        return self._read([*also, *(ref for lead in given if (ref := entry_ref(org_id, lead.phone_number)))])

    def _listed(self, org_id: str, given: Sequence[NewLead], ref: Ref) -> frozenset[str]:
        found = self.listed(org_id, given, also=[ref])
        _require_open(found.get(ref))
        return frozenset(key.sk for key in found if key != ref)

    def _allocate(self, ref: Ref, count: int, *, ahead: bool) -> int:
        """The first of `count` numbers nobody else gets; numbers that are not used after all stay gaps."""
        claims = {"claims_ahead": True} if ahead else {}
        try:
            item = self._table.update(Update(ref, set=claims, add={"last_lead_number": count}, condition=still_open))
        except ConditionFailed as failure:
            _require_open(failure.old)
            raise
        return int(item["last_lead_number"]) - count + 1

    def _add_at_once(self, org_id: str, ref: Ref, leads: Sequence[Lead], path: str) -> None:
        try:
            self.store_claiming(org_id, ref, leads)
        except _DuplicateError:
            self._refuse_duplicates(org_id, ref, leads, path)
            self.store_claiming(org_id, ref, leads)

    def _add_in_steps(self, org_id: str, ref: Ref, leads: Sequence[Lead], path: str) -> None:
        try:
            self._claim(org_id, leads)
        except _DuplicateError:
            self._refuse_duplicates(org_id, ref, leads, path)
            self._claim(org_id, leads)
        added = 0
        try:
            for chunk in fitting(leads, ROOM):
                unit = UnitOfWork()
                self._add_stored(unit, org_id, ref, chunk)
                unit.commit(self._table)
                added += len(chunk)
        except DomainError as failure:
            self._free(org_id, leads[added:])
            failure.extra["added"] = added
            raise

    def _add_stored(self, unit: UnitOfWork, org_id: str, ref: Ref, chunk: Sequence[Lead]) -> None:
        campaign_id = ref.sk.partition("#")[2]
        for lead in chunk:
            unit.add(*lead_writes(org_id, lead))
        moves = count_moves(map(counted, chunk))
        unit.add(counting(ref, moves, added_at=self._clock()), otherwise=_closed)
        unit.add(counting_blocks(org_id, campaign_id, map(counted, chunk)))

    def _claim(self, org_id: str, leads: Sequence[Lead]) -> None:
        claimed = 0
        try:
            for chunk in chunks(leads, WRITES):
                self._table.transact([phone_put(org_id, lead) for lead in chunk])
                claimed += len(chunk)
        except ConditionFailed as failure:
            self._free(org_id, leads[:claimed])
            raise _DuplicateError from failure
        except DomainError:
            self._free(org_id, leads[:claimed])
            raise

    def _free(self, org_id: str, leads: Sequence[Lead]) -> None:
        """Give up claims of leads that were not stored."""
        for chunk in chunks(leads, WRITES):
            writes: list[Write] = [
                Delete(
                    phone_ref(org_id, lead.campaign_id, lead.phone_number),
                    Attr("lead_id").not_exists() | Attr("lead_id").eq(lead.id),
                )
                for lead in chunk
            ]
            self._table.transact(writes)

    def _refuse_duplicates(self, org_id: str, ref: Ref, leads: Sequence[Lead | NewLead], path: str) -> None:
        """Raise ConflictError naming every number that is in the campaign or came before; clear abandoned claims."""
        campaign_id = ref.sk.partition("#")[2]
        places = [phone_ref(org_id, campaign_id, lead.phone_number) for lead in leads]
        claims = self._read(places)
        owners = {key: lead_ref(org_id, campaign_id, claim["lead_id"]) for key, claim in claims.items()}
        existing = self._read(owners.values())
        oldest = self._clock() - ABANDONED_AFTER
        abandoned = [
            key
            for key, owner in owners.items()
            if owner not in existing and from_wire(claims[key]["claimed_at"]) < oldest
        ]
        known = {
            place: f"{path.format(place)}phone_number: {leads[place].phone_number} is in this campaign already"
            for place, key in enumerate(places)
            if key in claims and key not in abandoned
        }
        if duplicates := _repeats(leads, path) | known:
            raise ConflictError(
                "Numbers are in the campaign already or in the request twice; no lead was added.",
                details=[problem for _, problem in sorted(duplicates.items())],
            )
        for chunk in chunks(abandoned, WRITES):
            self._table.transact([Delete(key, Attr("lead_id").eq(claims[key]["lead_id"])) for key in chunk])

    def _read(self, keys: Iterable[Ref]) -> dict[Ref, Item]:
        found: dict[Ref, Item] = {}
        for chunk in chunks(list(dict.fromkeys(keys)), WRITES):
            found |= self._table.get_many(chunk, consistent=True)
        return found


def lead_from(given: NewLead, campaign_id: str, number: int, now: datetime, *, is_listed: bool) -> Lead:
    """A new lead with its number; one on the do-not-call list is skipped from the start."""
    return Lead(
        id=new_lead_id(number),
        campaign_id=campaign_id,
        number=number,
        phone_number=given.phone_number,
        variables=dict(given.variables),
        timezone=given.timezone,
        status="skipped" if is_listed else "pending",
        outcome="do_not_call" if is_listed else None,
        call_id=None,
        attempts=0,
        last_attempt_at=None,
        created_at=now,
    )


def lead_writes(org_id: str, lead: Lead) -> Sequence[Put]:
    """The writes of a new lead, but for the claim of its number: one that is skipped from the start is told with it."""
    if lead.status == "pending":
        return [lead_put(org_id, lead)]
    told = lead_fact(
        org_id,
        lead.campaign_id,
        lead.id,
        status=lead.status,
        outcome=lead.outcome,
        call_id=lead.call_id,
        attempts=lead.attempts,
        at=lead.created_at,
    )
    return [lead_put(org_id, lead), told]


def count_writes(lead: Lead) -> int:
    """How many they are."""
    return 1 if lead.status == "pending" else 2


def check_repeats(given: Sequence[NewLead]) -> None:
    """Raise ConflictError naming every lead of a new campaign whose number came before in the same request."""
    if repeats := _repeats(given, "leads[{}]."):
        raise ConflictError("Numbers are in the request twice; no lead was added.", details=list(repeats.values()))


def _repeats(given: Sequence[Lead | NewLead], path: str) -> dict[int, str]:
    """The places of leads whose number came before in the same request, each with the words for it."""
    first: dict[str, int] = {}
    return {
        place: f"{path.format(place)}phone_number: {lead.phone_number} is also {path.format(earlier)[:-1]}"
        for place, lead in enumerate(given)
        if (earlier := first.setdefault(lead.phone_number, place)) != place
    }


def chunks(elements: Sequence[Element], size: int) -> Iterator[Sequence[Element]]:
    """Consecutive parts of at most `size` elements."""
    return (elements[start : start + size] for start in range(0, len(elements), size))


def fitting(leads: Sequence[Lead], room: int, *, claims: bool = False) -> Iterator[Sequence[Lead]]:
    """Consecutive parts of the leads whose writes fit `room`, with the claims of their numbers or without."""
    start = used = 0
    for place, lead in enumerate(leads):
        writes = int(claims) + count_writes(lead)
        if used + writes > room:
            yield leads[start:place]
            start, used = place, 0
        used += writes
    if leads:
        yield leads[start:]


def _require_open(item: Item | None) -> None:
    if item is None:
        raise CampaignNotFoundError
    if item["status"] not in OPEN:
        raise CampaignClosedError(item["status"])


def _closed(old: Item | None) -> Exception:
    return CampaignClosedError(old["status"]) if old else CampaignNotFoundError()
