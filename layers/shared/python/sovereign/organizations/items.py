"""Organizations as items of the table."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sovereign.kernel.clock import from_wire, to_wire
from sovereign.kernel.table import Item, Ref
from sovereign.organizations.model import ChildOrganization, Organization, OutboundPolicy

_MOMENTS = ("created_at", "updated_at", "webhook_secret_changed_at")


def organization_ref(org_id: str) -> Ref:
    """Key of an organization's own item."""
    return Ref(f"ORG#{org_id}", "ORGANIZATION")


def counters_ref(org_id: str) -> Ref:
    """Key of the counts of active assistants and numbers: apart, so that making one does not contend with a call's
    reservation of minutes."""
    return Ref(f"ORG#{org_id}", "COUNTERS")


def child_ref(parent_org_id: str, org_id: str) -> Ref:
    """Key of a child in its parent's list."""
    return Ref(f"ORG#{parent_org_id}", f"CHILD#{org_id}")


def to_item(organization: Organization) -> Item:
    """The whole item of a new organization."""
    members = {name: value for name, value in vars(organization).items() if name != "outbound_policy"}
    return {
        **organization_ref(organization.id)._asdict(),
        **members,
        "webhook_events": _stored_list(organization.webhook_events),
        "outbound_policy": policy_to_item(organization.outbound_policy),
        **{name: _stored_moment(getattr(organization, name)) for name in _MOMENTS},
    }


def from_item(item: Item) -> Organization:
    """The organization an item holds."""
    members = {name: item[name] for name in Organization.__dataclass_fields__ if name in item}
    return Organization(
        **members
        | {
            "minutes_balance": float(item["minutes_balance"]),
            "webhook_events": _tuple(item.get("webhook_events")),
            "outbound_policy": policy_from_item(item.get("outbound_policy") or {}),
            **{name: from_wire(item[name]) if item.get(name) else None for name in _MOMENTS},
        }
    )


def child_to_item(organization: Organization, parent_org_id: str) -> Item:
    """The entry of a child in its parent's list."""
    named = {"id": organization.id, "name": organization.name, "created_at": to_wire(organization.created_at)}
    return {**child_ref(parent_org_id, organization.id)._asdict(), **named}


def child_from_item(item: Item) -> ChildOrganization:
    """The child an entry names."""
    return ChildOrganization(item["id"], item["name"], from_wire(item["created_at"]))


def policy_to_item(policy: OutboundPolicy) -> Item:
    """The stored form of an outbound policy."""
    return asdict(policy) | {"allowed_countries": _stored_list(policy.allowed_countries)}


def policy_from_item(item: Item) -> OutboundPolicy:
    """The policy an item holds; members it lacks have their defaults."""
    members = {name: item[name] for name in OutboundPolicy.__dataclass_fields__ if name in item}
    return OutboundPolicy(**members | {"allowed_countries": _tuple(item.get("allowed_countries"))})


def _stored_list(values: tuple[str, ...] | None) -> list[str] | None:
    return None if values is None else list(values)


def _tuple(values: list[Any] | None) -> tuple[Any, ...] | None:
    return None if values is None else tuple(values)


def _stored_moment(moment: datetime | None) -> str | None:
    return None if moment is None else to_wire(moment)
