"""An organization and the rules of changing it; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sovereign.kernel.errors import InvalidRequestError
from sovereign.webhooks.targets import WebhookEventName

BillingMode = Literal["metered", "unlimited"]
ContentRetentionDays = Literal[30, 90, 180, 365]
MetadataRetentionDays = Literal[30, 90, 180, 365, 730]

SECRET_RESOURCE = "organization"  # noqa: S105 - names the context of encryption
"""The `resource` under which an organization's own secrets are encrypted."""


@dataclass(frozen=True)
class OutboundPolicy:
    """Where and how much an organization may dial. `allowed_countries` None = the countries of its own numbers
    (ISO 3166 alpha-2); `max_minutes_per_day` None = no bound."""

    allowed_countries: tuple[str, ...] | None = None
    max_concurrent_calls: int = 10
    max_calls_per_minute: int = 30
    max_minutes_per_day: int | None = None


@dataclass(frozen=True)
class Organization:
    """A tenant. `minutes_balance` in minutes (a child draws on its parent's).

    `webhook_secret` and `previous_webhook_secret` are tokens of the kernel's cipher for the resource SECRET_RESOURCE;
    the previous one still signs until 24 hours after `webhook_secret_changed_at`. `webhook_secret_mask` is what
    responses show, kept so that reading needs no decryption.
    """

    id: str
    name: str
    parent_org_id: str | None
    billing_mode: BillingMode
    minutes_balance: float
    created_at: datetime
    updated_at: datetime
    version: int = 1
    api_key_count: int = 0
    webhook_url: str | None = None
    webhook_secret: str | None = None
    webhook_secret_mask: str | None = None
    webhook_secret_changed_at: datetime | None = None
    previous_webhook_secret: str | None = None
    webhook_events: tuple[WebhookEventName, ...] | None = None
    announce_rejections: bool = True
    content_retention_days: int | None = None
    metadata_retention_days: int | None = None
    monthly_minutes_limit: int | None = None
    suspended: bool = False
    outbound_policy: OutboundPolicy = field(default_factory=OutboundPolicy)

    @property
    def payer_id(self) -> str:
        """The organization whose balance this one's calls are paid from."""
        return self.parent_org_id or self.id


@dataclass(frozen=True)
class OrganizationCounts:
    """What is counted beside an organization: current objects, and the minutes billed this
    calendar month (UTC)."""

    active_numbers: int = 0
    active_agents: int = 0
    active_calls: int = 0
    monthly_usage_minutes: int = 0


@dataclass(frozen=True)
class ChildOrganization:
    """A child as its parent lists it."""

    id: str
    name: str
    created_at: datetime


def check_retention(changes: Mapping[str, Any]) -> None:
    """Both periods or neither, both cleared or neither, content never longer than metadata. InvalidRequestError."""
    sent = changes.keys() & {"content_retention_days", "metadata_retention_days"}
    if not sent:
        return
    if len(sent) == 1:
        missing = ({"content_retention_days", "metadata_retention_days"} - sent).pop()
        raise _invalid(f"{missing}: is required together with {sent.pop()}", code="missing_field")
    content, metadata = changes["content_retention_days"], changes["metadata_retention_days"]
    if (content is None) != (metadata is None):
        raise _invalid("content_retention_days: null only together with metadata_retention_days")
    if content is not None and content > metadata:
        raise _invalid("content_retention_days: must not be longer than metadata_retention_days")


def _invalid(detail: str, *, code: str | None = None) -> InvalidRequestError:
    return InvalidRequestError("The request is not valid; see details.", details=[detail], code=code)
