"""Bodies and parameters of the campaign routes."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from fastapi import Depends
from pydantic import ConfigDict, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from sovereign.campaigns import CampaignChanges, CampaignSettings, NewLead
from sovereign.campaigns.lead import MAX_LEADS, Variables
from sovereign.campaigns.schedule import Zone
from sovereign.http import PLAIN_DIGITS, PageRequest, RequestModel
from sovereign.kernel.phone import E164

MAX_OFFSET = 999_999_999_999


class LeadCreate(RequestModel, NewLead):
    """One lead."""

    model_config = ConfigDict(defer_build=False)  # FastAPI builds it now in any case


class CampaignCreate(RequestModel, CampaignSettings):
    """A new campaign, which starts as a draft."""

    model_config = ConfigDict(defer_build=False)  # FastAPI builds it now in any case

    leads: Annotated[list[LeadCreate], Field(max_length=MAX_LEADS)] = Field(default_factory=list)

    def settings(self) -> CampaignSettings:
        """The members but the leads."""
        return CampaignSettings.model_construct(**{n: getattr(self, n) for n in CampaignSettings.model_fields})


class CampaignPatch(RequestModel, CampaignChanges):
    """Members to change. `scheduled` starts a campaign, `paused` stops it."""

    model_config = ConfigDict(defer_build=False)  # FastAPI builds it now in any case

    read_only: ClassVar[frozenset[str]] = frozenset(
        {
            "id",
            "progress",
            "total_leads",
            "pending_leads",
            "calling_leads",
            "completed_leads",
            "failed_leads",
            "skipped_leads",
            "created_at",
            "updated_at",
        }
    )

    def changes(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """As for every body, but for `progress`: it moves between reading a campaign and sending it back."""
        return super().changes({**stored, "progress": self._read_only_given.get("progress")})


class ImportCreate(RequestModel):
    """An import takes no members: the file is sent to the address in the answer."""


class LeadsCreate(RequestModel):
    """One lead by its own members, or up to 1,000 in `leads`."""

    phone_number: E164 | None = None
    variables: Variables = Field(default_factory=dict)
    timezone: Zone | None = None
    leads: Annotated[list[LeadCreate], Field(min_length=1, max_length=MAX_LEADS)] | None = None

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        if self.leads is None and self.phone_number is None:
            raise _at("phone_number", "missing", "Field required")
        if self.leads is not None and (given := self.model_fields_set - {"leads"}):
            raise _at(min(given), "two_forms", "belongs into the entries of leads")
        return self

    def one(self) -> NewLead | None:
        """The lead that was sent by its own members, None when `leads` were."""
        if self.phone_number is None:
            return None
        return NewLead.model_construct(phone_number=self.phone_number, variables=self.variables, timezone=self.timezone)


def _at(member: str, kind: str, message: str) -> ValidationError:
    problem = PydanticCustomError(kind, "{problem}", {"problem": message})
    return ValidationError.from_exception_data("Leads", [InitErrorDetails(type=problem, loc=(member,), input=None)])


async def _lead_page(
    limit: Annotated[int, Field(ge=1, le=MAX_LEADS), PLAIN_DIGITS] = MAX_LEADS,
    offset: Annotated[int, Field(ge=0, le=MAX_OFFSET), PLAIN_DIGITS] = 0,
) -> PageRequest:
    return PageRequest(limit, offset)


LeadPageDep = Annotated[PageRequest, Depends(_lead_page)]
