"""Uses of one resource by another: counted on the resource used, named by an item of their own (docs/data-model.md).

A resource with a `ref_count` above zero is not deleted; its users are found by one query.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sovereign.kernel.errors import ConflictError, InvalidRequestError
from sovereign.kernel.table import Attr, Delete, Item, Put, Ref, Table, Update, present
from sovereign.kernel.unit_of_work import UnitOfWork

_ID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
NAMED_USERS = 20
"""How many users a 409 names; more are counted."""

unused = Attr("ref_count").not_exists() | Attr("ref_count").eq(0)
"""Condition: nothing uses this resource."""


@dataclass(frozen=True)
class Reference:
    """Field `field` of some object names the resource `id` of a kind (the kind as in the sort key: `ASSISTANT`)."""

    kind: str
    id: str
    field: str


@dataclass(frozen=True)
class User:
    """Who uses something: its kind and id, and a `label` a person recognises (`number +31850835037`)."""

    kind: str
    id: str
    label: str


def is_id(text: str) -> bool:
    """Whether a text a client sent can be an id at all; anything else must not reach a key."""
    return _ID.fullmatch(text) is not None


def resource_ref(org_id: str, kind: str, resource_id: str) -> Ref:
    """The key of a resource."""
    return Ref(f"ORG#{org_id}", f"{kind}#{resource_id}")


def missing(references: Iterable[Reference], org_id: str, found: dict[Ref, Item]) -> list[str]:
    """One problem per reference whose resource is not among the items found in the organization."""
    return [unknown(r) for r in references if resource_ref(org_id, r.kind, r.id) not in found]


def unknown(reference: Reference) -> str:
    """The problem of a reference to something that is not there."""
    return f"{reference.field}: no such {reference.kind.lower().replace('_', ' ')}"


def attach(unit: UnitOfWork, org_id: str, reference: Reference, user: User) -> None:
    """Record a use. Fails as InvalidRequestError naming the field when the resource is gone."""

    def gone(_old: Item | None) -> Exception:
        return InvalidRequestError(details=[unknown(reference)])

    unit.add(Put({**_use(org_id, reference, user)._asdict(), "label": user.label}))
    used = resource_ref(org_id, reference.kind, reference.id)
    unit.add(Update(used, add={"ref_count": 1}, condition=present), otherwise=gone)


def detach(unit: UnitOfWork, org_id: str, reference: Reference, user: User) -> None:
    """Take a use back."""
    unit.add(Delete(_use(org_id, reference, user), condition=present))
    unit.add(Update(resource_ref(org_id, reference.kind, reference.id), add={"ref_count": -1}, condition=present))


def move_uses(
    unit: UnitOfWork, org_id: str, user: User, before: Sequence[Reference], after: Sequence[Reference]
) -> None:
    """Move a user's uses from one set to another; what is in both stays untouched."""
    old = {(r.kind, r.id): r for r in before}
    new = {(r.kind, r.id): r for r in after}
    for key in old.keys() - new.keys():
        detach(unit, org_id, old[key], user)
    for key in new.keys() - old.keys():
        attach(unit, org_id, new[key], user)


def in_use_error(table: Table, org_id: str, kind: str, resource_id: str) -> ConflictError:
    """The 409 for a resource that is used, naming its users (one query)."""
    page = table.page(f"ORG#{org_id}", begins_with=f"REF#{kind}#{resource_id}#", limit=NAMED_USERS + 1)
    labels = [item["label"] for item in page.items[:NAMED_USERS]]
    if len(page.items) > NAMED_USERS:
        labels.append("and others")
    return ConflictError(f"Still in use by {', '.join(labels) or 'another object'}. Detach it first.", details=labels)


def _use(org_id: str, reference: Reference, user: User) -> Ref:
    return Ref(f"ORG#{org_id}", f"REF#{reference.kind}#{reference.id}#{user.kind}#{user.id}")
