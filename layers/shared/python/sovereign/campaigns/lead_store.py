"""Where leads are kept: a partition for each thousand of a campaign, in the order in which they were added."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from sovereign.campaigns.intake import LeadIntake
from sovereign.campaigns.items import (
    blocks_of,
    blocks_ref,
    campaign_from_item,
    campaign_ref,
    count_moves,
    counted,
    counting,
    counting_blocks,
    lead_from_item,
    lead_ref,
    leads_pk,
    phone_ref,
)
from sovereign.campaigns.lead import Lead, LeadNotFoundError, NewLead
from sovereign.campaigns.model import CampaignClosedError, CampaignNotFoundError
from sovereign.kernel.clock import Clock, utc_now
from sovereign.kernel.errors import ConflictError
from sovereign.kernel.table import Attr, Delete, Item, Table
from sovereign.kernel.unit_of_work import UnitOfWork


@dataclass(frozen=True)
class LeadPage:
    """Part of a campaign's leads, oldest first; `total` counts all of them."""

    leads: Sequence[Lead]
    total: int


class LeadStore:
    """The leads of all campaigns; every method works within the organization and campaign named."""

    def __init__(self, table: Table, *, clock: Clock = utc_now) -> None:
        self._table = table
        self._intake = LeadIntake(table, clock=clock)

    def page(self, org_id: str, campaign_id: str, *, limit: int, offset: int) -> LeadPage:
        """Leads from `offset` on, oldest first: a request, and one for each thousand numbers the page lies in, whatever
        the offset.

        The campaign's counts by block find the blocks of the page; at most a block's leads are skipped.
        """
        campaign_key = campaign_ref(org_id, campaign_id)
        stored = self._table.get_many([campaign_key, blocks_ref(org_id, campaign_id.lower())], consistent=True)
        if campaign_key not in stored:
            raise CampaignNotFoundError
        campaign = campaign_from_item(stored[campaign_key])
        blocks, skipped = _blocks_with(blocks_of(stored.values()), offset, limit)
        found: list[Item] = []
        for block in blocks:
            rows = self._table.query(
                leads_pk(org_id, campaign.id, block), limit=skipped + limit - len(found), consistent=True
            )
            found += islice(rows, skipped + limit - len(found))
        leads = [lead_from_item(entry, campaign) for entry in found[skipped:]]
        return LeadPage(leads, campaign.counts.total)

    def add(self, org_id: str, campaign_id: str, given: Sequence[NewLead]) -> list[Lead]:
        """Add leads, all or none; see `LeadIntake.add`."""
        return self._intake.add(org_id, campaign_id, given)

    def add_one(self, org_id: str, campaign_id: str, given: NewLead) -> Lead:
        """Add one lead (three requests). Raises ConflictError when its number is in the campaign."""
        return self._intake.add(org_id, campaign_id, [given], path="")[0]

    def remove(self, org_id: str, campaign_id: str, lead_id: str) -> None:
        """Remove a lead (two requests). Raises ConflictError while it is called or when the campaign is closed."""
        campaign_key = campaign_ref(org_id, campaign_id)
        lead_key = lead_ref(org_id, campaign_id.lower(), lead_id)
        found = self._table.get_many([campaign_key, lead_key], consistent=True)
        if campaign_key not in found:
            raise CampaignNotFoundError
        item = found.get(lead_key)
        if item is None or item["id"] != lead_id.lower():
            raise LeadNotFoundError
        campaign = campaign_from_item(found[campaign_key])
        if not campaign.is_open:
            raise CampaignClosedError(campaign.status)
        lead = lead_from_item(item, campaign)
        if lead.status == "calling":
            raise _being_called()
        unit = UnitOfWork()
        unit.add(Delete(lead_key, Attr("status").eq(lead.status)), otherwise=_gone_or_moved)
        unit.add(Delete(phone_ref(org_id, campaign.id, lead.phone_number)))
        unit.add(counting(campaign_key, count_moves([counted(lead)], -1)), otherwise=_closed)
        unit.add(counting_blocks(org_id, campaign.id, [counted(lead)], -1))
        unit.commit(self._table)


def _blocks_with(counts: Mapping[int, int], offset: int, limit: int) -> tuple[list[int], int]:
    """The blocks in which the leads from `offset` on lie, and how many leads of the first one come before."""
    blocks: list[int] = []
    before = skipped = 0
    for block, count in counts.items():
        if before < offset + limit and offset < before + count:
            skipped = skipped if blocks else offset - before
            blocks.append(block)
        before += count
    return blocks, skipped


def _being_called() -> ConflictError:
    return ConflictError("The lead is being called; it can be removed when the call has ended.")


def _gone_or_moved(old: Item | None) -> Exception:
    if old is None:
        return LeadNotFoundError()
    return _being_called() if old["status"] == "calling" else ConflictError("The lead was changed at the same time.")


def _closed(old: Item | None) -> Exception:
    return CampaignClosedError(old["status"]) if old else CampaignNotFoundError()
