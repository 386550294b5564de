"""Organizations on the wire."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from sovereign.http import RequestModel, SafeUrl
from sovereign.kernel.clock import to_wire
from sovereign.organizations import Organization, OrganizationCounts
from sovereign.organizations.model import (
    BillingMode,
    ChildOrganization,
    ContentRetentionDays,
    MetadataRetentionDays,
)
from sovereign.webhooks.targets import WebhookEventName

PARENT_ONLY = frozenset({"monthly_minutes_limit", "suspended"})
"""Members the parent sets for its child."""


def _supported_country(code: str) -> str:
    from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415 - 70 ms that only a change of policy needs

    if code not in SUPPORTED_REGIONS:
        raise PydanticCustomError("country", "is not an ISO 3166 alpha-2 country code with a telephone network")
    return code


def _without_duplicates(values: list[Any]) -> list[Any]:
    if len(set(values)) != len(values):
        raise PydanticCustomError("duplicates", "lists a value twice")
    return values


Id = Annotated[str, AfterValidator(str.lower)]
Country = Annotated[str, AfterValidator(_supported_country)]


class OrganizationCreate(RequestModel):
    """`POST /organizations`."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    parent_org_id: Id | None = None


class OutboundPolicyBody(RequestModel):
    """Where and how much may be dialled; members left out have their defaults."""

    allowed_countries: Annotated[list[Country], Field(max_length=300), AfterValidator(_without_duplicates)] | None = (
        None
    )
    max_concurrent_calls: Annotated[int, Field(ge=1, le=1000)] = 10
    max_calls_per_minute: Annotated[int, Field(ge=1, le=1000)] = 30
    max_minutes_per_day: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class OrganizationPatch(RequestModel):
    """`PATCH /organizations`. `id` is the caller's own (the default), or that of a child whose parent asks."""

    read_only: ClassVar[frozenset[str]] = frozenset(
        {
            *("name", "parent_org_id", "minutes_balance", "monthly_usage_minutes", "has_local_models_access"),
            *("active_numbers", "active_agents", "active_calls", "children", "created_at", "updated_at"),
        }
    )

    id: Annotated[Id, Field(min_length=1, max_length=100)] | None = None
    content_retention_days: ContentRetentionDays | None = None
    metadata_retention_days: MetadataRetentionDays | None = None
    webhook_url: SafeUrl | None = None
    webhook_secret: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    webhook_events: Annotated[list[WebhookEventName], AfterValidator(_without_duplicates)] | None = None
    announce_rejections: bool = True
    billing_mode: BillingMode | None = None
    outbound_policy: OutboundPolicyBody | None = None
    monthly_minutes_limit: Annotated[int, Field(ge=0, le=10_000_000)] | None = None
    suspended: bool = False


def organization_view(
    organization: Organization,
    counts: OrganizationCounts,
    *,
    has_local_models_access: bool,
    children: Sequence[ChildOrganization] | None = None,
) -> dict[str, Any]:
    """The body of `GET` and `PATCH /organizations`; `children` only where they were asked for."""
    view: dict[str, Any] = {
        "id": organization.id,
        "name": organization.name,
        "minutes_balance": organization.minutes_balance,
        "monthly_usage_minutes": counts.monthly_usage_minutes,
        "active_numbers": counts.active_numbers,
        "active_agents": counts.active_agents,
        "active_calls": counts.active_calls,
        "has_local_models_access": has_local_models_access,
        "parent_org_id": organization.parent_org_id,
        "webhook_url": organization.webhook_url,
        "webhook_secret": organization.webhook_secret_mask,
        "webhook_events": organization.webhook_events,
        "announce_rejections": organization.announce_rejections,
        "content_retention_days": organization.content_retention_days,
        "metadata_retention_days": organization.metadata_retention_days,
        "outbound_policy": asdict(organization.outbound_policy),
        "monthly_minutes_limit": organization.monthly_minutes_limit,
        "suspended": organization.suspended,
        "created_at": to_wire(organization.created_at),
        "updated_at": to_wire(organization.updated_at),
    }
    if children is not None:
        view["children"] = [
            {"id": child.id, "name": child.name, "created_at": to_wire(child.created_at)} for child in children
        ]
    return view
