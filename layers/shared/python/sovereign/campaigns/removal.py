"""Removing a campaign: it is gone with one transaction, and what belonged to it is taken away by the minute's sweep.

The transaction puts a mark in the place of the campaign's item. Nothing is shown of a campaign without an item, and
every write about its leads fails for lack of it: what is left lies still until it is deleted, piece by piece.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from sovereign.campaigns.items import block_of, campaign_pk, campaign_shard, is_lead, leads_pk, phone_ref, phones_pks
from sovereign.campaigns.model import KIND, Campaign, CampaignNotFoundError
from sovereign.kernel.clock import Clock, to_wire
from sovereign.kernel.errors import ConflictError
from sovereign.kernel.references import User, move_uses, resource_ref
from sovereign.kernel.table import Attr, Delete, Item, Put, Ref, Table, Update, present
from sovereign.kernel.unit_of_work import MAX_WRITES, UnitOfWork

_MARK = "REMOVED_CAMPAIGN"
"""The kind of the mark; its sort key carries the campaign's id."""
_nobody_called = Attr("calling_leads").not_exists() | Attr("calling_leads").eq(0)


class CampaignMovedError(Exception):
    """It was changed, or leads were added, since it was read: look again."""


def remove_campaign(table: Table, campaign: Campaign, user: User, now: datetime) -> None:
    """Remove a campaign as it was read, and its uses of an assistant and a number (one request).

    Raises ConflictError while a lead is called, CampaignMovedError, CampaignNotFoundError.
    """
    org_id, unit = campaign.org_id, UnitOfWork()
    as_read = Attr("version").eq(campaign.version) & Attr("last_lead_number").eq(campaign.last_lead_number)
    unit.add(Delete(resource_ref(org_id, KIND, campaign.id), as_read & _nobody_called), otherwise=_refused)
    mark: Item = {
        **resource_ref(org_id, _MARK, campaign.id)._asdict(),
        "org_id": org_id,
        "id": campaign.id,
        "last_lead_number": campaign.last_lead_number,
        "claims_ahead": campaign.claims_ahead,
        "due_shard": campaign_shard(campaign.id),
        "due_at": to_wire(now),
    }
    unit.add(Put(mark))
    move_uses(unit, org_id, user, campaign.references, [])
    unit.commit(table)


def being_called() -> ConflictError:
    """The 409 of a campaign that has leads on the phone."""
    return ConflictError("Leads of the campaign are being called. Pause it and wait for their calls to end.")


def is_mark(ref: Ref) -> bool:
    """Whether what the sweep found is the mark of a removed campaign."""
    return ref.sk.startswith(f"{_MARK}#")


def take_away(table: Table, ref: Ref, *, clock: Clock, until: datetime) -> None:
    """Delete what a removed campaign left, its mark last; what there is no time for is left to the next sweep."""
    mark = table.get(ref, consistent=True)
    if mark is None:
        return
    emptied = mark.get("emptied", 0)
    for place, (pk, most) in enumerate(islice(_partitions(mark), emptied, None), emptied):
        more = True
        while more:
            # an empty partition takes time too, and there may be thousands: numbers of leads that were never stored
            if clock() >= until:
                if place > emptied:
                    table.update(Update(ref, set={"emptied": place}, condition=present))
                return
            page = table.page(pk, limit=most, consistent=True)
            if page.items:
                table.transact([Delete(key) for item in page.items for key in _keys(mark, item)])
            more = page.next is not None
    table.delete(Delete(ref))


def _partitions(mark: Item) -> Iterator[tuple[str, int]]:
    """Where something may be left, and how many items of it one transaction deletes."""
    org_id, campaign_id, last = mark["org_id"], mark["id"], mark["last_lead_number"]
    for block in range(block_of(last) + 1):
        yield leads_pk(org_id, campaign_id, block), MAX_WRITES // 2
    if mark["claims_ahead"]:
        yield from ((pk, MAX_WRITES) for pk in phones_pks(org_id, campaign_id))
    yield campaign_pk(org_id, campaign_id), MAX_WRITES


def _keys(mark: Item, item: Item) -> Iterator[Ref]:
    """What goes with an item: a lead takes the claim of its number along."""
    yield Ref(item["pk"], item["sk"])
    if is_lead(item):
        yield phone_ref(mark["org_id"], mark["id"], item["phone_number"])


def _refused(old: Item | None) -> Exception:
    if old is None:
        return CampaignNotFoundError()
    return being_called() if old.get("calling_leads") else CampaignMovedError()
