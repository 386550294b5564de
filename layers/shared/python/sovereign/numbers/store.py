"""Where numbers are kept, and the transactions that keep number, look-up, owner and uses in step."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sovereign.catalog.problems import validate
from sovereign.kernel.clock import Clock, to_wire, utc_now
from sovereign.kernel.errors import ConflictError, InvalidRequestError
from sovereign.kernel.ids import new_id
from sovereign.kernel.references import User, in_use_error, missing, move_uses, resource_ref, unused
from sovereign.kernel.table import Attr, Check, Delete, Item, Put, Ref, Table, Update, absent, present
from sovereign.kernel.unit_of_work import UnitOfWork
from sovereign.numbers.items import (
    Holder,
    attributes,
    held_item,
    held_ref,
    holders_from_items,
    number_from_item,
    number_item,
    number_ref,
    verified_item,
    verified_ref,
)
from sovereign.numbers.model import (
    KIND,
    NamesOfUsed,
    Number,
    NumberNotFoundError,
    NumberRouting,
    NumberSettings,
    NumberTakenError,
    references_of,
)
from sovereign.organizations import count_change

_BATCH = 100


class _InUseError(Exception):
    """Something still uses the number."""


class NumberStore:
    """The numbers of all organizations; every method works within the one named, but `holders`."""

    def __init__(self, table: Table, *, clock: Clock = utc_now) -> None:
        self._table = table
        self._clock = clock

    def list(self, org_id: str) -> Sequence[Number]:
        """All numbers, newest first (one request per MB)."""
        items = self._table.query(f"ORG#{org_id}", begins_with=f"{KIND}#", consistent=True)
        return sorted(map(number_from_item, items), key=lambda n: (n.created_at, n.id), reverse=True)

    def get(self, org_id: str, number_id: str) -> Number:
        """One number (one request). Raises NumberNotFoundError."""
        item = self._table.get(number_ref(org_id, number_id), consistent=True)
        if item is None:
            raise NumberNotFoundError
        return number_from_item(item)

    def names(self, numbers: Sequence[Number]) -> Mapping[str, NamesOfUsed]:
        """The names of what numbers use, by number id (one request per hundred distinct resources, none for none)."""
        keys = list({resource_ref(n.org_id, r.kind, r.id) for n in numbers for r in n.references})
        found: dict[Ref, Item] = {}
        for start in range(0, len(keys), _BATCH):
            found |= self._table.get_many(keys[start : start + _BATCH], consistent=True)
        return {number.id: names_in(number, found) for number in numbers}

    def create(self, org_id: str, settings: NumberSettings) -> tuple[Number, NamesOfUsed]:
        """Register a number, pending until it is verified (one request, one more when it names other resources).

        Raises NumberTakenError, or InvalidRequestError naming the members whose resource does not exist.
        """
        found = self._used(org_id, settings)
        now = self._clock()
        routing = NumberRouting(**{name: getattr(settings, name) for name in NumberRouting.model_fields})
        number = Number(new_id(), org_id, settings.phone_number, routing, "pending", 1, now, now)
        unit = UnitOfWork()
        unit.add(Put(number_item(number), absent))
        unit.add(Put(held_item(number), absent), otherwise=lambda _old: _taken("in this organization"))
        unit.add(Check(verified_ref(number), absent), otherwise=lambda _old: _taken("and verified by its owner"))
        if routing.is_active:
            unit.add(count_change(org_id, active_numbers=1))
        move_uses(unit, org_id, _user(number), [], number.references)
        unit.commit(self._table)
        return number, names_in(number, found)

    def update(
        self,
        org_id: str,
        number_id: str,
        changes: Mapping[str, Any],
        *,
        accept: Callable[[Number, NamesOfUsed], object] = lambda _stored, _names: None,
    ) -> tuple[Number, NamesOfUsed]:
        """Apply the members that were sent (three requests).

        `accept` sees the stored number first and may refuse by raising.
        """
        stored = self.get(org_id, number_id)
        routing = validate(NumberRouting, stored.routing.model_dump() | dict(changes))
        found = self._found(org_id, [*stored.references, *references_of(routing)])
        accept(stored, names_in(stored, found))
        _require(missing(references_of(routing), org_id, found))
        now = max(self._clock(), stored.updated_at)
        changed = replace(stored, routing=routing, version=stored.version + 1, updated_at=now)
        unit = UnitOfWork()
        condition = Attr("version").eq(stored.version)
        unit.add(Update(_key(stored), set=attributes(changed), condition=condition), otherwise=_gone_or_changed)
        if (moved := routing.is_active - stored.routing.is_active) != 0:
            unit.add(count_change(org_id, active_numbers=moved))
        move_uses(unit, org_id, _user(stored), stored.references, changed.references)
        unit.commit(self._table)
        return changed, names_in(changed, found)

    def delete(self, org_id: str, number_id: str) -> None:
        """Release a number nothing uses (two requests); ConflictError names what still does (one more)."""
        stored = self.get(org_id, number_id)
        unit = UnitOfWork()
        unit.add(
            Delete(_key(stored), unused & Attr("version").eq(stored.version)),
            otherwise=lambda old: _InUseError() if old and old.get("ref_count") else _gone_or_changed(old),
        )
        unit.add(Delete(held_ref(stored)))
        if stored.verification == "verified":
            unit.add(Delete(verified_ref(stored), Attr("number_id").eq(stored.id)))
        if stored.routing.is_active:
            unit.add(count_change(org_id, active_numbers=-1))
        move_uses(unit, org_id, _user(stored), stored.references, [])
        try:
            unit.commit(self._table)
        except _InUseError:
            raise in_use_error(self._table, org_id, KIND, stored.id) from None

    def holders(self, phone_number: str) -> Sequence[Holder]:
        """Every organization that registered an E.164 number, its verified owner first (one request)."""
        return holders_from_items(self._table.page(f"PHONE#{phone_number}", consistent=True).items)

    def verify(self, org_id: str, number_id: str) -> Number:
        """Make the organization the one verified owner (two requests). Raises NumberTakenError when another is."""
        number = self.get(org_id, number_id)
        if number.verification == "verified":
            return number
        verified = replace(number, verification="verified", version=number.version + 1)
        unit = UnitOfWork()
        owned = absent | Attr("number_id").eq(number.id)
        unit.add(Put(verified_item(verified), owned), otherwise=lambda _old: _taken("and verified by its owner"))
        condition = Attr("version").eq(number.version)
        marks = {"verification": "verified", "version": verified.version}
        unit.add(Update(_key(number), set=marks, condition=condition), otherwise=_gone_or_changed)
        unit.add(Update(held_ref(number), set={"verification": "verified"}, condition=present))
        unit.commit(self._table)
        return verified

    def claim_by_call(self, org_id: str, number_id: str) -> bool:
        """A call to a pending number came through the organization's own trunk: whether it is verified now."""
        try:
            return self.verify(org_id, number_id).verification == "verified"
        except (ConflictError, NumberNotFoundError):
            return False

    def used_for_call(self, number: Number, at: datetime) -> Update:
        """The write that marks an outbound call's number as used, for the transaction that creates the call."""
        return Update(_key(number), set={"last_used_at": to_wire(at)}, condition=present)

    def _used(self, org_id: str, routing: NumberRouting) -> dict[Ref, Item]:
        references = references_of(routing)
        found = self._found(org_id, references)
        _require(missing(references, org_id, found))
        return found

    def _found(self, org_id: str, references: Sequence[Any]) -> dict[Ref, Item]:
        keys = {resource_ref(org_id, reference.kind, reference.id) for reference in references}
        return self._table.get_many(list(keys), consistent=True)


def names_in(number: Number, found: Mapping[Ref, Item]) -> NamesOfUsed:
    """What a number uses, out of items that were read."""
    items = {r.field: found.get(resource_ref(number.org_id, r.kind, r.id), {}) for r in number.references}
    return NamesOfUsed(
        agent=items.get("agent_id", {}),
        trunk=items.get("transfer_trunk_id", {}),
        workflow=items.get("workflow_id", {}),
    )


def _key(number: Number) -> Ref:
    return resource_ref(number.org_id, KIND, number.id)


def _user(number: Number) -> User:
    return User(KIND, number.id, f"number {number.phone_number}")


def _taken(where: str) -> NumberTakenError:
    return NumberTakenError(f"This phone number is already registered {where}.")


def _require(problems: Sequence[str]) -> None:
    if problems:
        raise InvalidRequestError(details=problems)


def _gone_or_changed(old: Item | None) -> Exception:
    return ConflictError("The phone number was changed at the same time.") if old else NumberNotFoundError()
