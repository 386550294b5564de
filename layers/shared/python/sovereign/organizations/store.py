"""Reads and writes organizations; the writes other resources put into their own transactions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sovereign.api_keys import ApiKey, ApiKeyStore
from sovereign.api_keys.model import DEFAULT_RATE_LIMIT_PER_MINUTE
from sovereign.api_keys.store import creation_writes, new_api_key, suspension_writes
from sovereign.kernel import ids
from sovereign.kernel.clock import Clock, to_wire, utc_now
from sovereign.kernel.errors import ConflictError, ForbiddenError, NotFoundError
from sovereign.kernel.table import Attr, Check, Condition, ConditionFailed, Put, Table, Update, Write, absent, present
from sovereign.organizations.items import (
    child_from_item,
    child_to_item,
    counters_ref,
    from_item,
    organization_ref,
    to_item,
)
from sovereign.organizations.model import BillingMode, ChildOrganization, Organization
from sovereign.webhooks.endpoints import enable_endpoint

__all__ = ["NewOrganization", "OrganizationStore", "count_change", "organization_ref"]


def count_change(org_id: str, *, active_agents: int = 0, active_numbers: int = 0) -> Update:
    """A write that moves an organization's counts of active assistants and numbers; place it in the transaction that
    makes, changes or deletes one. At least one of them must move."""
    moved = {"active_agents": active_agents, "active_numbers": active_numbers}
    return Update(counters_ref(org_id), add={name: change for name, change in moved.items() if change})


@dataclass(frozen=True)
class NewOrganization:
    """What creating one gives: the organization, its first key, and that key's secret, shown once."""

    organization: Organization
    key: ApiKey
    secret: str


class OrganizationStore:
    """Organizations in the table."""

    def __init__(self, table: Table, clock: Clock = utc_now) -> None:
        self._table = table
        self._clock = clock

    def get(self, org_id: str) -> Organization:
        """One organization. One request. Raises NotFoundError."""
        item = self._table.get(organization_ref(org_id), consistent=True)
        if item is None:
            raise NotFoundError("no such organization")
        return from_item(item)

    def children(self, org_id: str) -> list[ChildOrganization]:
        """An organization's children, oldest first. One request a megabyte."""
        items = self._table.query(f"ORG#{org_id}", begins_with="CHILD#", consistent=True)
        return sorted((child_from_item(item) for item in items), key=lambda child: (child.created_at, child.id))

    def create(
        self,
        name: str,
        *,
        billing_mode: BillingMode,
        parent_org_id: str | None = None,
        rate_limit_per_minute: int | None = DEFAULT_RATE_LIMIT_PER_MINUTE,
    ) -> NewOrganization:
        """Make an organization with one API key, in one transaction. Raises ForbiddenError for a child of a child."""
        now = self._clock()
        organization = Organization(
            id=ids.new_id(),
            name=name,
            parent_org_id=parent_org_id,
            billing_mode=billing_mode,
            minutes_balance=0,
            created_at=now,
            updated_at=now,
            api_key_count=1,
        )
        key, secret = new_api_key(organization.id, "default", rate_limit_per_minute, now)
        try:
            self._table.transact([*_child_writes(organization), *creation_writes(key, parent_org_id)])
        except ConditionFailed:
            raise ForbiddenError("a child organization cannot have children") from None
        return NewOrganization(organization, key, secret)

    def update(self, organization: Organization, changes: Mapping[str, Any]) -> Organization:
        """Change stored attributes of the organization as it was read; `suspended` reaches all its keys at once, a
        saved `webhook_url` switches its endpoint on again. One request, two with `suspended`. Raises ConflictError when
        it changed meanwhile."""
        stored = {**changes, "updated_at": to_wire(self._clock())}
        unchanged = present & Attr("version").eq(organization.version)
        url = changes.get("webhook_url")
        beside: list[Write] = [enable_endpoint(organization.id, url)] if url else []
        try:
            if "suspended" in changes:
                keys = ApiKeyStore(self._table).list_keys(organization.id)
                # a key made or revoked between reading the keys and this transaction moves the count
                unchanged &= Attr("api_key_count").eq(len(keys))
                beside += suspension_writes(keys, suspended=changes["suspended"])
            if not beside:
                return from_item(self._table.update(_versioned(organization, stored, unchanged)))
            self._table.transact([_versioned(organization, stored, unchanged), *beside])
        except ConditionFailed:
            raise ConflictError("the organization was changed by another request meanwhile") from None
        return from_item({**to_item(organization), **stored, "version": organization.version + 1})


def _versioned(organization: Organization, stored: Mapping[str, Any], condition: Condition) -> Update:
    return Update(organization_ref(organization.id), set=stored, add={"version": 1}, condition=condition)


def _child_writes(organization: Organization) -> list[Write]:
    created = Put(to_item(organization), absent)
    if organization.parent_org_id is None:
        return [created]
    parent = organization.parent_org_id
    top_level = present & Attr("parent_org_id").attribute_type("NULL") & Attr("suspended").ne(True)
    return [
        Check(organization_ref(parent), top_level),
        created,
        Put(child_to_item(organization, parent), absent),
    ]
