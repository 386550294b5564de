"""Removing a campaign with everything in its partition: at once where it fits one transaction, else piece by piece.

A campaign that is removed in pieces is cancelled first, so nobody is called any more, and its counts stay exact; it is
gone with the last piece. A removal that was cut off is finished by asking again.
"""

from collections.abc import Sequence
from datetime import timedelta

from sovereign.campaigns.items import campaign_from_item, count_moves, is_lead, leads_pk, stored_status
from sovereign.campaigns.model import KIND, Campaign, CampaignNotFoundError
from sovereign.kernel.clock import Clock
from sovereign.kernel.conditions import Attr, Condition
from sovereign.kernel.errors import ConflictError, UnavailableError
from sovereign.kernel.references import User, move_uses, resource_ref
from sovereign.kernel.table import ConditionFailed, Delete, Item, Page, Ref, Table, Update, present
from sovereign.kernel.unit_of_work import UnitOfWork

PIECE = 95
"""Items removed in one transaction: beside them the campaign and its uses of an assistant and a number."""
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

    def __init__(self, table: Table, campaign: Campaign, user: User, *, clock: Clock) -> None:
        self._table = table
        self._campaign = campaign
        self._user = user
        self._clock = clock
        self._ref = resource_ref(campaign.org_id, KIND, campaign.id)
        self._cancelled = campaign.status == "cancelled"

    def run(self) -> None:
        """Remove everything. Raises ConflictError while a lead is called, UnavailableError when time runs out."""
        until = self._clock() + MOST_TIME
        while self._clock() < until:
            if self._campaign.stored_counts.calling:
                raise _being_called()
            page = self._page()
            try:
                if page.next is None:
                    self._remove_last(page.items)
                    return
                self._cancel()
                self._remove_piece(page.items)
            except _MovedError:
                self._look_again()
        raise UnavailableError("The campaign is cancelled and its leads are being removed; ask again.", retry_after=1)

    def _page(self) -> Page:
        return self._table.page(leads_pk(self._campaign.org_id, self._campaign.id), limit=PIECE, consistent=True)

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
        for item in items:
            unchanged = Attr("status").eq(item["status"]) if is_lead(item) else present
            unit.add(Delete(Ref(item["pk"], item["sk"]), unchanged), otherwise=_moved)

    def _look_again(self) -> None:
        item = self._table.get(self._ref, consistent=True)
        if item is None:
            raise CampaignNotFoundError
        self._campaign = campaign_from_item(item)


def _moved(_old: Item | None) -> Exception:
    return _MovedError()


def _being_called() -> ConflictError:
    return ConflictError("Leads of the campaign are being called. Pause it and wait for their calls to end.")
