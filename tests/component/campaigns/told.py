"""What is told of leads."""

from typing import Any

from sovereign.campaigns.facts import LEAD_FINISHED
from sovereign.campaigns.items import campaign_pk
from sovereign.kernel.table import Table
from tests.component.assistants.fixtures import ORG


def told(table: Table, campaign_id: str) -> list[dict[str, Any]]:
    """The details of the facts of the campaign's leads that are over."""
    facts = table.query(campaign_pk(ORG, campaign_id), begins_with=f"FACT#{LEAD_FINISHED}#", consistent=True)
    return [fact["detail"] for fact in facts]
