"""Removing a campaign with everything that belongs to it: at once where it fits one transaction, else piece by piece.

A campaign that is removed in pieces is cancelled first, so nobody is called any more, and its counts stay exact; it is
gone with the last piece. A removal that was cut off is finished by asking again.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from sovereign.campaigns.items import (
    campaign_from_item,
    campaign_pk,
    count_moves,
    is_lead,
    leads_pk,
    phone_ref,
    phones_pks,
    stored_status,
)
from sovereign.campaigns.model import KIND, Campaign, CampaignNotFoundError
from sovereign.kernel.clock import Clock
from sovereign.kernel.conditions import Attr, Condition
from sovereign.kernel.errors import ConflictError, UnavailableError
from sovereign.kernel.references import User, move_uses, resource_ref
from sovereign.kernel.table import ConditionFailed, Delete, Item, Ref, Table, Update, present
from sovereign.kernel.unit_of_work import UnitOfWork

PIECE = 95
"""Writes of one transaction: beside them the campaign and its uses of an assistant and a number."""
MOST_TIME = timedelta(seconds=20)
"""A request is answered within 28 s."""


def _count(status: str, count: int) -> Condition:
    """Condition: so many leads are in a status; a count that never moved is not stored."""
    same = Attr(f"{status}_leads").eq(count)
    return same if count else same | Attr(f"{status}_leads").not_exists()


_nobody_called = _count("calling", 0)


class _MovedError(Exception):
    """Leads were added, removed or called in the meantime; look again."""


class CampaignRemoval:
    """One removal."""

    def __init__(
        self, table: Table, campaign: Campaign, user: User, *, clock: Clock, erase_files: Callable[[], None]
    ) -> None:
        self._table = table
        self._campaign = campaign
        self._user = user
        self._clock = clock
        self._erase_files = erase_files
        self._ref = resource_ref(campaign.org_id, KIND, campaign.id)
        self._cancelled = campaign.status == "cancelled"

    def run(self) -> None:
        """Remove everything. Raises ConflictError while a lead is called, UnavailableError when time runs out."""
        until = self._clock() + MOST_TIME
        while self._clock() < until:
            if self._campaign.stored_counts.calling:
                raise _being_called()
            items, is_all = self._found()
            try:
                if is_all:
                    self._erase_files()  # first: what is left of them could not be asked for any more
                    self._remove_last(items)
                    return
                self._cancel()
                self._remove_piece(items)
            except _MovedError:
                pass
            self._look_again()
        raise UnavailableError("The campaign is cancelled and its leads are being removed; ask again.", retry_after=1)

    def _found(self) -> tuple[Sequence[Item], bool]:
        """What fits the next transaction, and whether nothing is left beside it."""
        items: list[Item] = []
        for pk in self._partitions():
            room = PIECE - len(self._keys(items))
            if room < 2:
                return items, False
            page = self._table.page(pk, limit=room // 2, consistent=True)
            items += page.items
            if page.next is not None:
                return items, False
        return items, True

    def _partitions(self) -> Iterator[str]:
        org_id, campaign = self._campaign.org_id, self._campaign
        for block, count in sorted(campaign.blocks.items()):
            if count:
                yield leads_pk(org_id, campaign.id, block)
        if campaign.claims_ahead:
            yield from phones_pks(org_id, campaign.id)
        yield campaign_pk(org_id, campaign.id)

    def _cancel(self) -> None:
        if self._cancelled:
            return
        try:
            self._table.update(Update(self._ref, set={"status": "cancelled"}, condition=present & _nobody_called))
        except ConditionFailed as failure:
            raise _MovedError from failure
        self._cancelled = True

    def _remove_piece(self, items: Sequence[Item]) -> None:
        unit = UnitOfWork()
        self._delete(unit, items)
        if leads := [stored_status(item) for item in items if is_lead(item)]:
            unit.add(Update(self._ref, add=count_moves(leads, -1), condition=present), otherwise=_moved)
        unit.commit(self._table)

    def _remove_last(self, items: Sequence[Item]) -> None:
        unit = UnitOfWork()
        # a lead that was added since the page was read has moved a count
        counts = self._campaign.stored_counts
        unmoved = _nobody_called & _count("pending", counts.pending) & _count("skipped", counts.skipped)
        unit.add(Delete(self._ref, present & unmoved), otherwise=_moved)
        self._delete(unit, items)
        move_uses(unit, self._campaign.org_id, self._user, self._campaign.references, [])
        unit.commit(self._table)

    def _delete(self, unit: UnitOfWork, items: Sequence[Item]) -> None:
        status = {Ref(item["pk"], item["sk"]): item["status"] for item in items if is_lead(item)}
        for key in self._keys(items):
            unchanged = Attr("status").eq(status[key]) if key in status else None
            unit.add(Delete(key, unchanged), otherwise=_moved)

    def _keys(self, items: Sequence[Item]) -> dict[Ref, None]:
        """The keys of what is deleted, in order: a lead takes the claim of its number with it."""
        keys: dict[Ref, None] = {}
        for item in items:
            keys[Ref(item["pk"], item["sk"])] = None
            if is_lead(item):
                keys[phone_ref(self._campaign.org_id, self._campaign.id, item["phone_number"])] = None
        return keys

    def _look_again(self) -> None:
        item = self._table.get(self._ref, consistent=True)
        if item is None:
            raise CampaignNotFoundError
        self._campaign = campaign_from_item(item)


def _moved(_old: Item | None) -> Exception:
    return _MovedError()


def _being_called() -> ConflictError:
    return ConflictError("Leads of the campaign are being called. Pause it and wait for their calls to end.")
