"""Where the lists are kept: one item a number, in a partition of its own, since a list may hold very many."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sovereign.do_not_call.model import DoNotCallEntry, Listing
from sovereign.kernel.clock import Clock, from_wire, to_wire, utc_now
from sovereign.kernel.errors import ConflictError, NotFoundError
from sovereign.kernel.table import ConditionFailed, Delete, Item, Put, Ref, Table, absent, present

_NUMBER = re.compile(r"\+[0-9]{2,15}")
_BATCH = 100


@dataclass(frozen=True)
class EntryPage:
    """A page in the order of the numbers; `next_number` is the last one's when there is more behind it."""

    entries: Sequence[DoNotCallEntry]
    next_number: str | None


class DoNotCallStore:
    """The lists of all organizations; every method works on the one of the organization named."""

    def __init__(self, table: Table, *, clock: Clock = utc_now) -> None:
        self._table = table
        self._clock = clock

    def page(self, org_id: str, *, limit: int, after: str | None = None) -> EntryPage:
        """The numbers after `after`, in their own order (one request per MB)."""
        start = {"pk": {"S": _pk(org_id)}, "sk": {"S": after}} if after else None
        found = self._table.page(_pk(org_id), limit=limit, start=start, consistent=True)
        entries = [_entry(item) for item in found.items]
        return EntryPage(entries, entries[-1].phone_number if entries and found.next else None)

    def add(self, org_id: str, listing: Listing) -> DoNotCallEntry:
        """Put a number on the list (one request). Raises ConflictError when it is there."""
        entry = DoNotCallEntry(listing.phone_number, listing.reason, self._clock())
        try:
            self._table.put(Put({"pk": _pk(org_id), "sk": entry.phone_number, **_attributes(entry)}, absent))
        except ConditionFailed as failure:
            raise ConflictError("This number is on the do-not-call list already.") from failure
        return entry

    def remove(self, org_id: str, phone_number: str) -> None:
        """Take a number off the list (one request). Raises NotFoundError."""
        missing = NotFoundError("This number is not on the do-not-call list.")
        ref = entry_ref(org_id, phone_number)
        if ref is None:
            raise missing
        try:
            self._table.delete(Delete(ref, present))
        except ConditionFailed:
            raise missing from None

    def listed(self, org_id: str, phone_numbers: Iterable[str]) -> frozenset[str]:
        """Which of these numbers are on the list (one request per hundred)."""
        refs = list({ref for number in phone_numbers if (ref := entry_ref(org_id, number))})
        found: set[str] = set()
        for start in range(0, len(refs), _BATCH):
            found |= {ref.sk for ref in self._table.get_many(refs[start : start + _BATCH], consistent=True)}
        return frozenset(found)


def entry_ref(org_id: str, destination: str) -> Ref | None:
    """The key under which a destination would be listed, for whoever reads it along with something else.

    None for what is no phone number: that is never on a list, and nobody dials it.
    """
    return Ref(_pk(org_id), destination) if _NUMBER.fullmatch(destination) else None


def _pk(org_id: str) -> str:
    return f"ORG#{org_id}#DO_NOT_CALL"


def _attributes(entry: DoNotCallEntry) -> Item:
    return {"reason": entry.reason, "created_at": to_wire(entry.created_at)}


def _entry(item: Item) -> DoNotCallEntry:
    return DoNotCallEntry(item["sk"], item["reason"], from_wire(item["created_at"]))
