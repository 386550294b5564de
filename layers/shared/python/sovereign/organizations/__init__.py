"""Organizations: the tenants, their policy, account webhook, billing mode and counters."""

from sovereign.organizations.model import BillingMode, Organization, OrganizationCounts, OutboundPolicy
from sovereign.organizations.store import (
    NewOrganization,
    OrganizationStore,
    count_change,
    organization_ref,
)

__all__ = [
    "BillingMode",
    "NewOrganization",
    "Organization",
    "OrganizationCounts",
    "OrganizationStore",
    "OutboundPolicy",
    "count_change",
    "organization_ref",
]
