"""A lead: whom a campaign calls, and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from sovereign.campaigns.model import LeadStatus
from sovereign.campaigns.schedule import Zone
from sovereign.catalog.base import Strict
from sovereign.kernel.clock import to_wire
from sovereign.kernel.errors import NotFoundError
from sovereign.kernel.ids import new_id
from sovereign.kernel.phone import E164

MAX_LEADS = 1000
"""Leads in one request (spec: Campaigns)."""
MAX_VARIABLES = 50

VariableName = Annotated[str, Field(pattern=r"^[^{}\x00-\x1f]{1,64}$")]
VariableValue = Annotated[str, Field(max_length=1000)]
Variables = Annotated[dict[VariableName, VariableValue], Field(max_length=MAX_VARIABLES)]


class LeadNotFoundError(NotFoundError):
    """The campaign has no such lead."""

    def __init__(self) -> None:
        super().__init__("No such lead.")


class NewLead(Strict):
    """A lead to add. `variables` fill the placeholders of the template; its own zone beats the campaign's."""

    phone_number: E164
    variables: Variables = Field(default_factory=dict)
    timezone: Zone | None = None


@dataclass(frozen=True)
class Lead:
    """A saved lead. `number` is its place in the campaign, oldest first; removed leads leave gaps."""

    id: str
    campaign_id: str
    number: int
    phone_number: str
    variables: dict[str, str]
    timezone: str | None
    status: LeadStatus
    outcome: str | None
    call_id: str | None
    attempts: int
    last_attempt_at: datetime | None
    created_at: datetime
    unrung: int = 0
    """How many calls in a row, the last ones, rang nobody and did not count."""

    def public(self) -> dict[str, Any]:
        """As responses show it."""
        return {
            "id": self.id,
            "campaign_id": self.campaign_id,
            "phone_number": self.phone_number,
            "variables": self.variables,
            "timezone": self.timezone,
            "status": self.status,
            "outcome": self.outcome,
            "call_id": self.call_id,
            "attempts": self.attempts,
            "last_attempt_at": to_wire(self.last_attempt_at) if self.last_attempt_at else None,
            "created_at": to_wire(self.created_at),
        }


def new_lead_id(number: int) -> str:
    """A UUID (version 8) that carries the lead's number in its first 48 bits, so that a look-up needs no index."""
    digits = f"{number:012x}"
    return f"{digits[:8]}-{digits[8:]}-8{new_id()[15:]}"


def number_in(lead_id: str) -> int:
    """The number a lead's id carries; the id must be one in form."""
    return int(lead_id[:8] + lead_id[9:13], 16)
