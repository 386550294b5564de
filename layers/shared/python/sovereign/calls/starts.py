"""How a call starts: its number, row, look-up, frozen assistant and live-call item in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import EllipsisType
from typing import Any

from sovereign.calls import keys
from sovereign.calls.events import CALL_RINGING, CallFact
from sovereign.calls.items import row_item, to_json
from sovereign.calls.load import OutboundLoad, idle_trunks, starts_of_minute, trunk_calls, trunk_started
from sovereign.calls.model import Call, CallRef, CallStatus, NewCall
from sovereign.calls.private import PrivateContent
from sovereign.calls.rows import CallRows
from sovereign.kernel import numbered_rows
from sovereign.kernel.backoff import pause
from sovereign.kernel.clock import Clock, to_wire
from sovereign.kernel.errors import DomainError, UnavailableError
from sovereign.kernel.masking import masked
from sovereign.kernel.table import Attr, ConditionFailed, Item, Put, Table, Update, Write, absent
from sovereign.kernel.time_marks import Mark, mark_writes

__all__ = ["CallStarts", "LoadCheck"]

_ATTEMPTS = 40
"""Optimistic attempts at the organization's counter; far more than 20 starts a second ever need."""

_REMEMBERED = 1000


LoadCheck = Callable[[OutboundLoad], None]
"""Raises a DomainError when one more outbound call would be too many."""


class CallStarts:
    """Starts calls. It remembers the organizations' counters, so that a start seldom has to read one."""

    def __init__(self, table: Table, clock: Clock, rows: CallRows, private: PrivateContent) -> None:
        self._table = table
        self._clock = clock
        self._rows = rows
        self._private = private
        self._counters: dict[str, Item] = {}

    def create(
        self,
        new: NewCall,
        *,
        frozen_assistant: Mapping[str, Any] | None = None,
        extra_writes: Sequence[Write] = (),
        node_id: str | None = None,
        check_load: LoadCheck | None = None,
        counter: Item | EllipsisType | None = ...,
    ) -> Call:
        """Start a call under the organization's next number; everything, `extra_writes` too, commits or nothing does.

        `node_id` is the node that carries it; without one it waits for a claim. `frozen_assistant` is the effective
        assistant with its secrets encrypted. `check_load` holds at the moment of the commit. `counter` is what was
        found at `keys.counter_ref` when that was just read along with something else: one request, otherwise two.
        Raises what `check_load` raises; ConditionFailed, whose index then counts within `extra_writes`;
        UnavailableError when the counter stays contended.
        """
        counter = self._remembered_counter(new.org_id) if counter is ... else counter
        for attempt in range(_ATTEMPTS):
            pause(attempt)
            now = self._clock()
            if check_load:
                counter = self._checked(check_load, new, counter, now)
            call = _first_state(new, counter, node_id, now)
            own = self._own_writes(new, call, counter, frozen_assistant)
            try:
                self._table.transact([*own, *extra_writes])
            except ConditionFailed as failure:
                counter = _rival_counter(failure, len(own))
                continue
            except UnavailableError:
                counter = self._read_counter(new.org_id)
                continue
            self._remember_counter(new, counter, call)
            self._rows.remember_privacy(call)
            return call
        raise UnavailableError("too many calls are starting at once", retry_after=1)

    def _own_writes(
        self, new: NewCall, call: Call, counter: Item | None, frozen_assistant: Mapping[str, Any] | None
    ) -> list[Write]:
        lookup_pk, lookup_sk = keys.lookup_ref(call.ref.org_id, call.ref.call_id)
        writes: list[Write] = [
            _count(new, call, counter),
            Put(row_item(call), absent),
            Put({"pk": lookup_pk, "sk": lookup_sk, "number": call.ref.number}, absent),
            live_call_write(call.ref, call.node_id or keys.UNCLAIMED, call.created_at, call.dial_before),
            *mark_writes(keys.rows_key(call.ref.org_id), call.created_at, Mark(call.ref.number)),
        ]
        if frozen_assistant is not None:
            writes.append(frozen_assistant_write(call.ref, frozen_assistant))
        if new.ringing:
            writes.append(CallFact(CALL_RINGING, call, call.created_at).write())
        if new.private:
            writes.append(self._private.numbers_write(call.ref, new.caller_phone, new.assistant_phone))
        return writes

    def _read_counter(self, org_id: str) -> Item | None:
        return self._table.get(keys.counter_ref(org_id), consistent=True)

    def _remembered_counter(self, org_id: str) -> Item | None:
        """The counter as this process last saw it: when it is stale the transaction's condition says so."""
        return self._counters[org_id] if org_id in self._counters else self._read_counter(org_id)

    def _remember_counter(self, new: NewCall, counter: Item | None, call: Call) -> None:
        remembered = self._counters if len(self._counters) < _REMEMBERED else {}
        change = _count(new, call, counter)
        seen = dict(counter or {})
        seen |= dict(change.set) | {name: seen.get(name, 0) + more for name, more in change.add.items()}
        remembered[new.org_id] = {name: value for name, value in seen.items() if name not in change.remove}
        self._counters = remembered

    def _checked(self, check: LoadCheck, new: NewCall, counter: Item | None, now: datetime) -> Item | None:
        """The counter after the check let it pass; a remembered one never refuses a call."""
        try:
            check(OutboundLoad.of(counter, now, new.trunk_id))
        except DomainError:
            counter = self._read_counter(new.org_id)
            check(OutboundLoad.of(counter, now, new.trunk_id))
        return counter


def frozen_assistant_write(ref: CallRef, frozen: Mapping[str, Any]) -> Put:
    """The write that keeps the effective assistant a call runs with."""
    pk, sk = keys.frozen_assistant_ref(ref)
    return Put({"pk": pk, "sk": sk, "document": to_json(frozen)})


def live_call_write(ref: CallRef, node_id: str, since: datetime, dial_before: datetime | None = None) -> Put:
    """The write that puts a call into a node's care, or (`keys.UNCLAIMED`) among those that wait for a node, until
    `dial_before` where it has one."""
    pk, sk = keys.live_call_ref(node_id, ref)
    whose = {"org_id": ref.org_id, "call_id": ref.call_id, "number": ref.number}
    until = {"dial_before": to_wire(dial_before)} if dial_before else {}
    return Put({"pk": pk, "sk": sk, **whose, "since": to_wire(since), **until})


def _first_state(new: NewCall, counter: Item | None, node_id: str | None, now: datetime) -> Call:
    created_at = numbered_rows.created_at_after(counter, now)
    return Call(
        ref=CallRef(new.org_id, new.call_id, numbered_rows.counted(counter) + 1),
        direction=new.direction,
        status=CallStatus.RINGING if new.ringing else CallStatus.CONNECTING,
        created_at=created_at,
        updated_at=created_at,
        caller_phone=None if new.private else new.caller_phone,
        assistant_phone=None if new.private else new.assistant_phone,
        agent_id=new.agent_id,
        agent_name=new.agent_name,
        business_name=new.business_name,
        number_id=new.number_id,
        trunk_id=new.trunk_id,
        dial_before=new.dial_before,
        metadata=masked(new.metadata),
        private=new.private,
        sequence=1 if new.ringing else 0,
        node_id=node_id,
    )


def _count(new: NewCall, call: Call, counter: Item | None) -> Update:
    number, outbound = call.ref.number, int(new.direction == "outbound")
    minute = int(call.created_at.timestamp()) // 60
    through: dict[str, Any] = {}
    if new.trunk_id is not None:
        through = {trunk_started(new.trunk_id): int(call.created_at.timestamp() * 1000)}
    return Update(
        keys.counter_ref(new.org_id),
        set={
            "last_number": number,
            "last_created_at": to_wire(call.created_at),
            "minute": minute,
            "minute_outbound": starts_of_minute(counter or {}, call.created_at) + outbound,
            **through,
        },
        add={"active_calls": 1, "active_outbound": outbound, **{trunk_calls(i): 1 for i in [new.trunk_id] if i}},
        # a start would have moved `last_number`, an end only counts down: what was idle when it was read still is
        remove=idle_trunks(counter or {}, call.created_at, but=new.trunk_id),
        condition=Attr("last_number").eq(number - 1) if counter else absent,
    )


def _rival_counter(failure: ConditionFailed, own: int) -> Item | None:
    """The counter a rival has moved; any other failed condition is the caller's to know."""
    if failure.index == 0:
        return failure.old
    if failure.index >= own:
        raise ConditionFailed(failure.index - own, failure.old) from None
    raise failure
