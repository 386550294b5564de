"""Numbers as items: the number itself, its look-up by E.164, and who verified it (docs/data-model.md)."""

from datetime import datetime
from typing import Any, NamedTuple

from sovereign.kernel.clock import from_wire, to_wire
from sovereign.kernel.references import is_id, resource_ref
from sovereign.kernel.table import Item, Ref
from sovereign.numbers.model import KIND, Number, NumberNotFoundError, NumberRouting

VERIFIED = "VERIFIED"


class Holder(NamedTuple):
    """An organization that registered a called number."""

    org_id: str
    number_id: str
    verified: bool
    since: str


def number_ref(org_id: str, number_id: str) -> Ref:
    """The key of a number, for callers that read it together with something else. Raises NumberNotFoundError."""
    if not is_id(number_id):
        raise NumberNotFoundError
    return resource_ref(org_id, KIND, number_id.lower())


def held_ref(number: Number) -> Ref:
    """The key of the look-up from E.164 to this organization."""
    return Ref(f"PHONE#{number.phone_number}", f"ORG#{number.org_id}")


def verified_ref(number: Number) -> Ref:
    """The key of the one verified owner of an E.164 number."""
    return Ref(f"PHONE#{number.phone_number}", VERIFIED)


def number_from_item(item: Item) -> Number:
    """A number from its item."""
    return Number(
        id=item["id"],
        org_id=item["org_id"],
        phone_number=item["phone_number"],
        routing=NumberRouting.model_construct(**item["routing"]),
        verification=item["verification"],
        version=item["version"],
        created_at=from_wire(item["created_at"]),
        updated_at=from_wire(item["updated_at"]),
        last_used_at=_moment(item.get("last_used_at")),
    )


def number_item(number: Number) -> Item:
    """The whole item of a new number."""
    return {**resource_ref(number.org_id, KIND, number.id)._asdict(), "ref_count": 0, **attributes(number)}


def attributes(number: Number) -> dict[str, Any]:
    """What a write of a number stores; `last_used_at` moves on its own."""
    return {
        "id": number.id,
        "org_id": number.org_id,
        "phone_number": number.phone_number,
        "routing": number.routing.model_dump(),
        "verification": number.verification,
        "version": number.version,
        "created_at": to_wire(number.created_at),
        "updated_at": to_wire(number.updated_at),
    }


def held_item(number: Number) -> Item:
    """The look-up from E.164 to this organization."""
    found = {"org_id": number.org_id, "number_id": number.id, "since": to_wire(number.created_at)}
    return {**held_ref(number)._asdict(), **found, "verification": number.verification}


def verified_item(number: Number) -> Item:
    """The claim to be the one verified owner."""
    return {**verified_ref(number)._asdict(), "org_id": number.org_id, "number_id": number.id}


def holders_from_items(items: list[Item]) -> list[Holder]:
    """Who registered a number: its verified owner first, then in the order of registration."""
    found = [
        Holder(i["org_id"], i["number_id"], i["verification"] == "verified", i["since"])
        for i in items
        if i["sk"] != VERIFIED
    ]
    return sorted(found, key=lambda holder: (not holder.verified, holder.since, holder.org_id))


def _moment(text: str | None) -> datetime | None:
    return None if text is None else from_wire(text)
