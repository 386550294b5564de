"""Minutes of metered organizations. The balance moves only in a transaction with a ledger entry.

A call of a metered organization holds a *reservation* against the paying organization: opened with two minutes,
extended by one at each started minute, settled once with what is really billed. What was billed for a call whose node
was lost is corrected once more if the node comes back and knows better.
"""

from typing import Any

from sovereign.kernel import ids
from sovereign.kernel.clock import Clock, to_wire, utc_now
from sovereign.kernel.errors import InsufficientCreditsError
from sovereign.kernel.table import Attr, Check, ConditionFailed, Item, Put, Ref, Table, Update, Write, absent

__all__ = ["FIRST_MINUTES", "CreditStore", "reservation_ref"]

FIRST_MINUTES = 2
"""Minutes reserved when a call starts."""

_ATTEMPTS = 5


class CreditStore:
    """Reservations of calls and the ledger they are booked in. Minutes are whole."""

    def __init__(self, table: Table, clock: Clock = utc_now) -> None:
        self._table = table
        self._clock = clock

    def reserve_writes(self, payer_org_id: str, org_id: str, call_id: str) -> list[Write]:
        """Writes that open a call's reservation, for the transaction that creates the call.

        The first of them fails its condition when the balance is below `FIRST_MINUTES`.
        """
        pk, sk = reservation_ref(org_id, call_id)
        reservation: Item = {"pk": pk, "sk": sk, "payer": payer_org_id, "minutes": FIRST_MINUTES, "open": True}
        return [
            _take(payer_org_id, FIRST_MINUTES),
            self._entry(payer_org_id, org_id, call_id, "reserve", -FIRST_MINUTES),
            Put(reservation, absent),
        ]

    def reserve(self, payer_org_id: str, org_id: str, call_id: str, *, while_up: Check | None = None) -> None:
        """Open a call's reservation; once open, doing it again changes nothing. Raises InsufficientCreditsError.

        `while_up` holds while the call is not over: afterwards nothing is reserved, for nobody would settle it.
        """
        writes = self.reserve_writes(payer_org_id, org_id, call_id)
        try:
            self._table.transact([*writes, while_up] if while_up else writes)
        except ConditionFailed as failure:
            if (
                failure.index < len(writes)
                and self._table.get(reservation_ref(org_id, call_id), consistent=True) is None
            ):
                raise InsufficientCreditsError from None

    def extend(self, org_id: str, call_id: str, *, minutes: int) -> bool:
        """Make the reservation cover `minutes` in all. False when the balance does not suffice or it is settled.

        True at once when it covers them already, or when the call has none because its organization is not metered.
        """
        for _ in range(_ATTEMPTS):
            held = self._table.get(reservation_ref(org_id, call_id), consistent=True)
            if held is None:
                return True
            more = minutes - held["minutes"]
            if more <= 0 or not held["open"]:
                return bool(held["open"])
            try:
                self._table.transact(self._extension(held, org_id, call_id, more))
                return True
            except ConditionFailed as failure:
                if failure.index == 0:
                    return False
        return False

    def settle_writes(
        self, held: Item | None, org_id: str, call_id: str, billed_minutes: int, *, may_be_corrected: bool = False
    ) -> list[Write]:
        """Writes that give back what was reserved and not billed (or take what was billed beyond it).

        `held` is the reservation as just read; none, or a settled one, needs no writes. They fail their condition
        when the reservation moved meanwhile: read it again and build the writes anew.
        """
        if held is None or not held["open"]:
            return []
        back = held["minutes"] - billed_minutes
        told = {"may_be_corrected": True} if may_be_corrected else {}
        settled = _moved(held, set={"open": False, "billed_minutes": billed_minutes, **told})
        return [settled, *self._give_back(held["payer"], org_id, call_id, "settle", back)]

    def correct_writes(self, held: Item | None, org_id: str, call_id: str, billed_minutes: int) -> list[Write]:
        """Writes that make of what was settled with `may_be_corrected` what is really to be billed; the balance may
        fall below nothing by it. Once: none are needed afterwards, nor for any other reservation. `held`, and a failed
        condition, as in `settle_writes`.
        """
        if held is None or not held.get("may_be_corrected"):
            return []
        back = held["billed_minutes"] - billed_minutes
        corrected = Update(
            Ref(held["pk"], held["sk"]),
            set={"may_be_corrected": False, "billed_minutes": billed_minutes},
            condition=Attr("may_be_corrected").eq(True),
        )
        return [corrected, *(self._give_back(held["payer"], org_id, call_id, "correct", back) if back else [])]

    def release(self, org_id: str, call_id: str) -> None:
        """Give the whole reservation back: the call is not billed. Without an open reservation nothing happens."""
        for _ in range(_ATTEMPTS):
            held = self._table.get(reservation_ref(org_id, call_id), consistent=True)
            writes = self.settle_writes(held, org_id, call_id, 0)
            try:
                if writes:
                    self._table.transact(writes)
                return
            except ConditionFailed:
                continue

    def _extension(self, held: Item, org_id: str, call_id: str, more: int) -> list[Write]:
        grown = _moved(held, add={"minutes": more})
        payer = held["payer"]
        return [_take(payer, more), self._entry(payer, org_id, call_id, "extend", -more), grown]

    def _give_back(self, payer: str, org_id: str, call_id: str, kind: str, minutes: int) -> list[Write]:
        entry = self._entry(payer, org_id, call_id, kind, minutes)
        return [entry, Update(_balance_ref(payer), add={"minutes_balance": minutes})]

    def _entry(self, payer: str, org_id: str, call_id: str, kind: str, minutes: int) -> Put:
        moment = to_wire(self._clock())
        item: Item = {
            "pk": f"ORG#{payer}#LEDGER",
            "sk": f"{moment}#{ids.new_id()}",
            "kind": kind,
            "minutes": minutes,
            "org_id": org_id,
            "call_id": call_id,
            "created_at": moment,
        }
        return Put(item, absent)


def reservation_ref(org_id: str, call_id: str) -> Ref:
    """The reservation of a call."""
    return Ref(f"ORG#{org_id}#CALL#{call_id}", "RESERVATION")


def _balance_ref(org_id: str) -> Ref:
    return Ref(f"ORG#{org_id}", "ORGANIZATION")


def _take(payer: str, minutes: int) -> Update:
    enough = Attr("minutes_balance").gte(minutes)
    return Update(_balance_ref(payer), add={"minutes_balance": -minutes}, condition=enough)


def _moved(held: Item, **change: Any) -> Update:
    """A change of a reservation on the condition that it is still as it was read."""
    as_read = Attr("open").eq(True) & Attr("minutes").eq(held["minutes"])
    return Update(Ref(held["pk"], held["sk"]), condition=as_read, **change)
