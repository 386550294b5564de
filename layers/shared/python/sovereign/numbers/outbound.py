"""The caller ID of an outbound call: a verified, active number with an active trunk."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sovereign.assistants.needs import needed_by
from sovereign.do_not_call import entry_ref
from sovereign.kernel.errors import InvalidRequestError, NotFoundError
from sovereign.kernel.references import resource_ref
from sovereign.kernel.table import Item, Ref, Table
from sovereign.numbers.items import number_from_item, number_ref
from sovereign.numbers.model import Number, NumberNotFoundError
from sovereign.organizations import Organization, organization_ref
from sovereign.organizations.items import from_item as organization_from_item
from sovereign.sip_trunks import SipTrunk, trunk_from_item

HasRoom = Callable[[Organization, SipTrunk, Mapping[Ref, Item]], bool]
"""Whether a trunk takes one more call now, by what was read along."""

_NEVER = datetime.min.replace(tzinfo=UTC)
_MOST_TRUNKS = 50
_MOST_AT_ONCE = 100
"""Items one request can read."""


class NoOutboundNumberError(InvalidRequestError):
    """The organization has no number that may be shown, or the one asked for may not (400)."""

    code = "no_outbound_number"


@dataclass(frozen=True)
class OutboundContext:
    """What an outbound call starts from. `others` are the items that were asked for along with it, where they exist.

    `own_numbers` are all E.164 numbers of the organization: they give the default of the countries it may dial.
    `do_not_call` tells whether the destination that was named is on the organization's list.
    """

    organization: Organization
    number: Number
    trunk: SipTrunk
    own_numbers: tuple[str, ...]
    others: dict[Ref, Item]
    destination: str | None = None
    do_not_call: bool = False

    def check_destination(self) -> str:
        """The destination when it may be dialled: the one check before every dial.

        Raises DestinationNotAllowedError, or InvalidRequestError for what is no phone number at all.
        """
        # phonenumbers' metadata takes 60 ms to load, which only those who dial should pay
        from sovereign.destinations import check_destination  # noqa: PLC0415

        if self.destination is None:
            raise ValueError("the context was read without a destination")
        return check_destination(self.destination, self.countries, do_not_call=self.do_not_call)

    @property
    def countries(self) -> frozenset[str]:
        """The countries whose numbers may be dialled."""
        from sovereign.destinations import allowed_countries  # noqa: PLC0415 - as above

        return allowed_countries(self.organization.outbound_policy, self.own_numbers)


def outbound_context(
    table: Table,
    org_id: str,
    number_id: str | None = None,
    *,
    destination: str | None = None,
    also: Sequence[Ref] = (),
    needs: Ref | None = None,
    fallback_trunk_id: str | None = None,
    has_room: HasRoom = lambda _organization, _trunk, _found: True,
) -> OutboundContext:
    """Choose the number to call `destination` from (two requests; `also` are read along, e.g. the assistant's key).

    `needs` is an item that sorts before the numbers (`sovereign.assistants.needs`); what it names is read along too, as
    far as there is room. The number asked for, else the one used least recently whose trunk has room, else the one used
    least recently; without an active trunk of its own the number asked for goes through `fallback_trunk_id`. Raises
    NumberNotFoundError or NoOutboundNumberError.
    """
    organization, numbers, needed = _organization_and_numbers(table, org_id, needs)
    candidates = _candidates(numbers, number_id, org_id, needs_trunk=fallback_trunk_id is None)
    trunk_keys = [
        resource_ref(org_id, "TRUNK", trunk_id)
        for trunk_id in dict.fromkeys([fallback_trunk_id, *(n.routing.transfer_trunk_id for n in candidates)])
        if trunk_id is not None
    ]
    listed = entry_ref(org_id, destination) if destination else None
    others = [*also, *needed_by(org_id, needed)]
    wanted = dict.fromkeys([*trunk_keys[:_MOST_TRUNKS], *([listed] if listed else []), *others])
    found = table.get_many([*wanted][:_MOST_AT_ONCE], consistent=True)
    trunks = {found[key]["id"]: trunk_from_item(found[key]) for key in trunk_keys if key in found}
    ways = list(_ways(candidates, trunks, fallback_trunk_id))
    if not ways:
        raise NoOutboundNumberError("The number's SIP trunk is not active." if number_id else _NONE)
    number, trunk = next((way for way in ways if has_room(organization, way[1], found)), ways[0])
    read = {key: found[key] for key in others if key in found}
    own_numbers = tuple(n.phone_number for n in numbers)
    return OutboundContext(organization, number, trunk, own_numbers, read, destination, do_not_call=listed in found)


def _ways(
    candidates: Iterable[Number], trunks: Mapping[str, SipTrunk], fallback_trunk_id: str | None
) -> Iterator[tuple[Number, SipTrunk]]:
    """The numbers that have an active trunk, each with it."""
    for number in candidates:
        active = (trunks.get(name or "") for name in (number.routing.transfer_trunk_id, fallback_trunk_id))
        if trunk := next((trunk for trunk in active if trunk is not None and trunk.settings.is_active), None):
            yield number, trunk


_NONE = "The organization has no outbound-capable number: verified, active and with an active SIP trunk."


def _organization_and_numbers(
    table: Table, org_id: str, needs: Ref | None
) -> tuple[Organization, list[Number], Item | None]:
    # `NEEDS#...`, `NUMBER#...` and `ORGANIZATION` are neighbours in the partition, so one range holds them
    between = (needs.sk if needs else "NUMBER#", "ORGANIZATION")
    items = {item["sk"]: item for item in table.query(f"ORG#{org_id}", between=between, consistent=True)}
    organization = items.get(organization_ref(org_id).sk)
    if organization is None:
        raise NotFoundError("No such organization.")
    numbers = [number_from_item(item) for sk, item in items.items() if sk.startswith("NUMBER#")]
    return organization_from_item(organization), numbers, items.get(needs.sk) if needs else None


def _candidates(numbers: Sequence[Number], number_id: str | None, org_id: str, *, needs_trunk: bool) -> list[Number]:
    if number_id is None:
        capable = [number for number in numbers if number.is_outbound_capable]
        return sorted(capable, key=lambda n: (n.last_used_at or _NEVER, n.id))
    wanted = number_ref(org_id, number_id).sk.removeprefix("NUMBER#")
    number = next((number for number in numbers if number.id == wanted), None)
    if number is None:
        raise NumberNotFoundError
    if number.verification != "verified":
        raise NoOutboundNumberError("The number is not verified, so it cannot be a caller ID.")
    if needs_trunk and number.routing.transfer_trunk_id is None:
        raise NoOutboundNumberError("The number has no SIP trunk.")
    if not number.routing.is_active:
        raise NoOutboundNumberError("The number is not active.")
    return [number]
