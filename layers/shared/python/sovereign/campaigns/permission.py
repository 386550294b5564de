"""Whether a campaign's call may ring although the decision to make it is not fresh any more."""

from datetime import datetime

from sovereign.calls.model import CallRef
from sovereign.campaigns.claim import link_ref
from sovereign.campaigns.items import campaign_from_item, lead_from_item, lead_ref
from sovereign.campaigns.model import KIND
from sovereign.campaigns.window import UnknownZoneError
from sovereign.do_not_call import entry_ref
from sovereign.kernel.references import resource_ref
from sovereign.kernel.table import Table

__all__ = ["may_ring"]


def may_ring(table: Table, ref: CallRef, now: datetime) -> bool:
    """As the engine decides before it claims a lead: the campaign runs, the lead's window is open, and the number is
    not on the do-not-call list. At most three requests; True for a call that is no campaign's."""
    link = table.get(link_ref(ref.org_id, ref.call_id), consistent=True)
    if link is None:
        return True
    campaign_key = resource_ref(ref.org_id, KIND, link["campaign_id"])
    lead_key = lead_ref(ref.org_id, link["campaign_id"], link["lead_id"])
    found = table.get_many([campaign_key, lead_key], consistent=True)
    if campaign_key not in found or lead_key not in found:
        return False
    campaign = campaign_from_item(found[campaign_key])
    lead = lead_from_item(found[lead_key], campaign)
    settings = campaign.settings
    try:
        is_open = settings.window.is_open(now, lead.timezone or settings.timezone)
    except UnknownZoneError:
        return False
    listed = entry_ref(ref.org_id, lead.phone_number)
    return campaign.status == "scheduled" and is_open and not (listed and table.get(listed, consistent=True))
