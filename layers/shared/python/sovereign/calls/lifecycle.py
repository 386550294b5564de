"""From the claim of a call to its report: each step one transaction with its fact. The first terminal write wins."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final

from sovereign.calls import keys
from sovereign.calls.events import CALL_ANSWERED, CALL_ENDED, CALL_REPORTED, CALL_RINGING, CALL_TRANSFERRED
from sovereign.calls.items import call_from_item
from sovereign.calls.load import trunk_fewer
from sovereign.calls.model import Call, CallOutcome, CallRef, CallStatus, EndReason, seconds_between
from sovereign.calls.private import PrivateContent
from sovereign.calls.rows import CallRows, Change
from sovereign.calls.starts import frozen_assistant_write, live_call_write
from sovereign.credits.store import CreditStore, reservation_ref
from sovereign.kernel.backoff import pause
from sovereign.kernel.clock import Clock, to_wire
from sovereign.kernel.errors import UnavailableError
from sovereign.kernel.masking import masked
from sovereign.kernel.table import ConditionFailed, Delete, Item, Ref, Table, Update, Write
from sovereign.usage.model import NewUsage
from sovereign.usage.store import booking_writes, usage_counter_ref

__all__ = ["REPORT_OVERDUE_AFTER", "CallLifecycle"]

REPORT_OVERDUE_AFTER: Final = timedelta(minutes=4)
"""How long after its end a call's report may take before the sweep writes it without an analysis."""

_ATTEMPTS: Final = 40
_ERROR_CHARACTERS: Final = 1000
_TOO_LATE: Final = CallOutcome(end_reason=EndReason.DIAL_FAILED, error="No media node took the call in time")
_UNBILLED: Final = frozenset({CallStatus.REJECTED, CallStatus.INSUFFICIENT_CREDITS})
"""Answered only to speak an announcement."""


class CallLifecycle:
    """Moves calls on and ends them."""

    def __init__(self, table: Table, clock: Clock, rows: CallRows, private: PrivateContent) -> None:
        self._table = table
        self._clock = clock
        self._rows = rows
        self._private = private

    def claim_dial(self, ref: CallRef, node_id: str) -> bool:
        """Win the right to ring an outbound call: True for exactly one node, once. False: do not dial.

        Ends a call that may not be dialled any more, for its place is wanted and the next order would be as late.
        """

        def step(call: Call) -> Change | None:
            if call.status is not CallStatus.CONNECTING or call.node_id is not None:
                return None
            if call.dial_before is not None and self._clock() >= call.dial_before:
                self.finish(ref, _TOO_LATE, unclaimed_only=True)
                return None
            waiting = Delete(keys.live_call_ref(keys.UNCLAIMED, ref))
            return Change({"node_id": node_id}, writes=[waiting, live_call_write(ref, node_id, self._clock())])

        return self._rows.advance(ref, step)

    def mark_ringing(self, ref: CallRef) -> bool:
        """The far end rings. False when the call is past that; then nothing is written."""

        def step(call: Call) -> Change | None:
            rings = call.status is CallStatus.CONNECTING
            return Change({"status": CallStatus.RINGING}, CALL_RINGING) if rings else None

        return self._rows.advance(ref, step)

    def mark_answered(self, ref: CallRef, *, byok: Collection[str] = ()) -> bool:
        """The call is up, billing starts. `byok` names which of `stt`, `llm`, `tts` run on the organization's own keys;
        what ends the call may know better, for providers change on the way.

        False when it is in progress already or over: if its row says it is over, hang up.
        """
        answered_at = self._clock()

        def step(call: Call) -> Change | None:
            if call.status not in (CallStatus.CONNECTING, CallStatus.RINGING):
                return None
            state = {"status": CallStatus.IN_PROGRESS, "started_at": answered_at, "byok": frozenset(byok)}
            return Change(state, CALL_ANSWERED)

        return self._rows.advance(ref, step)

    def mark_transferred(self, ref: CallRef, transfer: Mapping[str, Any]) -> bool:
        """The caller now speaks with a second leg that we carry; `finish` ends and settles the call when it is over.

        `transfer` as in `CallOutcome`. False when the call is not in progress (any more); then nothing is written.
        """
        bridged_at = self._clock()

        def step(call: Call) -> Change | None:
            if call.status is not CallStatus.IN_PROGRESS:
                return None
            state = {
                "status": CallStatus.TRANSFERRED,
                "end_reason": EndReason.TRANSFERRED,
                "transfer": _stored_transfer(call, transfer),
                "bridged_at": bridged_at,
            }
            return Change(state, CALL_TRANSFERRED, writes=self._private.transfer_writes(call, transfer))

        return self._rows.advance(ref, step)

    def set_assistant(
        self,
        ref: CallRef,
        frozen_assistant: Mapping[str, Any],
        *,
        agent_id: str | None,
        agent_name: str | None,
        business_name: str | None,
        metadata: Mapping[str, Any] | None,
        private: bool,
    ) -> bool:
        """Freeze the assistant an `assistant-request` answered with, before the call is up; False once it is over.

        `metadata` as in `NewCall`. When it brings gdpr_mode the numbers leave the row; a call that is private stays so.
        """
        names = {"agent_id": agent_id, "agent_name": agent_name, "business_name": business_name}
        shown = names | {"metadata": masked(metadata)}

        def step(call: Call) -> Change | None:
            if call.status.is_terminal:
                return None
            writes: list[Write] = [frozen_assistant_write(ref, frozen_assistant)]
            if not private or call.private:
                return Change(shown, writes=writes)
            writes.append(self._private.numbers_write(ref, call.caller_phone, call.assistant_phone))
            return Change(shown | {"private": True, "caller_phone": None, "assistant_phone": None}, writes=writes)

        changed = self._rows.advance(ref, step)
        self._rows.forget_privacy(ref)
        return changed

    def finish(self, ref: CallRef, outcome: CallOutcome, *, unclaimed_only: bool = False) -> bool:
        """End the call: status, fact, usage, settlement and the node's burden in one transaction.

        True when this ended it, False when it was over already (or, with `unclaimed_only`, a node has claimed it). The
        minutes of a call that was given up with its node are then corrected to what the node knows of its end.
        """
        wanted = (keys.row_ref(ref), usage_counter_ref(ref.org_id), reservation_ref(ref.org_id, ref.call_id))
        for attempt in range(_ATTEMPTS):
            pause(attempt)
            now = self._clock()
            found = self._table.get_many(wanted, consistent=True)
            call = self._rows.known(found.get(wanted[0]))
            end, credits_ = _Ending(call, outcome, now), CreditStore(self._table, self._clock)
            if call.is_over:
                writes = end.correction(found.get(wanted[2]), credits_)
            elif unclaimed_only and call.node_id is not None:
                return False
            else:
                change = end.change(found.get(wanted[1]), found.get(wanted[2]), credits_)
                writes = [*change.all_writes(call, now), *self._private.transfer_writes(call, outcome.transfer)]
            try:
                if writes:
                    self._table.transact(writes)
                return not call.is_over
            except ConditionFailed:
                continue
        raise UnavailableError("the call is busy", retry_after=1)

    def write_report(self, ref: CallRef) -> bool:
        """Write the call's one report fact. False when it is written already or the call is not over."""

        def step(call: Call) -> Change | None:
            if call.reported or not call.is_over:
                return None
            return Change({"reported": True}, CALL_REPORTED, remove=("due_shard", "due_at"))

        return self._rows.advance(ref, step)

    def overdue_reports(self) -> Iterator[CallRef]:
        """Calls that ended more than `REPORT_OVERDUE_AFTER` ago and have no report, from every shard of the mark."""
        until = to_wire(self._clock())
        for shard in range(keys.SHARDS):
            for mark in self._table.query(keys.report_shard(shard), index="due", between=("0", until)):
                item = self._table.get(Ref(mark["pk"], mark["sk"]))
                if item is not None and not item["reported"]:
                    yield call_from_item(item).ref


def _stored_transfer(call: Call, transfer: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """As the row may keep it: without the destination where the call is private."""
    if transfer and call.private:
        return {name: value for name, value in transfer.items() if name != "destination"}
    return transfer


@dataclass(frozen=True)
class _Ending:
    """What ending a call comes to."""

    call: Call
    outcome: CallOutcome
    now: datetime

    @property
    def ended_at(self) -> datetime:
        return max(self.outcome.ended_at or self.now, self.call.started_at or self.call.created_at)

    @property
    def duration_seconds(self) -> int:
        return seconds_between(self.call.started_at, self.ended_at) if self.call.started_at else 0

    @property
    def unrung(self) -> bool:
        """A node dials only what it has claimed, and nobody can claim what is over."""
        never_claimed = self.call.direction == "outbound" and self.call.node_id is None
        return never_claimed or self.outcome.unrung

    @property
    def byok(self) -> frozenset[str]:
        """What ran on the organization's own keys."""
        return self.call.byok if self.outcome.byok is None else self.outcome.byok

    @property
    def is_guess(self) -> bool:
        """Whether the call's real end is its lost node's to know."""
        return self.outcome.end_reason is EndReason.NODE_LOST

    @property
    def is_billed(self) -> bool:
        return self.call.started_at is not None and self.outcome.status not in _UNBILLED

    @property
    def billed_minutes(self) -> int:
        """Started minutes from answer to end; the first starts with the answer."""
        if self.call.started_at is None or not self.is_billed:
            return 0
        return max(1, ceil((self.ended_at - self.call.started_at).total_seconds() / 60))

    def change(self, usage_counter: Item | None, reservation: Item | None, credits_: CreditStore) -> Change:
        """The end of the call and all that is booked with it."""
        ref = self.call.ref
        settled = credits_.settle_writes(
            reservation, ref.org_id, ref.call_id, self.billed_minutes, may_be_corrected=self.is_guess
        )
        used = booking_writes(ref.org_id, usage_counter, self._usage(), self.now) if self.is_billed else []
        due = {"due_shard": keys.report_shard(keys.shard_of(ref.call_id)), "due_at": self._overdue_at()}
        return Change(self._state(), CALL_ENDED, set_also=due, writes=[*self._burden_writes(), *used, *settled])

    def correction(self, reservation: Item | None, credits_: CreditStore) -> list[Write]:
        """What a call that is over already was really to be billed, where that was a guess and is known now."""
        if self.is_guess or self.outcome.ended_at is None:
            return []
        ref = self.call.ref
        return credits_.correct_writes(reservation, ref.org_id, ref.call_id, self.billed_minutes)

    def _overdue_at(self) -> str:
        return to_wire(self.now + REPORT_OVERDUE_AFTER)

    def _state(self) -> dict[str, Any]:
        call, outcome = self.call, self.outcome
        # a bridged call has its last status: what became of its legs afterwards does not change that
        bridged = call.bridged_at is not None
        return {
            "status": call.status if bridged else outcome.status,
            "end_reason": call.end_reason if bridged else outcome.end_reason,
            "error": outcome.error[:_ERROR_CHARACTERS] if outcome.error else None,
            "unrung": self.unrung,
            "ended_at": self.ended_at,
            "duration_seconds": self.duration_seconds,
            "transfer": _stored_transfer(call, outcome.transfer) or call.transfer,
            "latency": outcome.latency,
            "cost": outcome.cost,
            "byok": self.byok,
            "recording": "late" if outcome.recording_late else call.recording,
        }

    def _burden_writes(self) -> list[Write]:
        call = self.call
        fewer = {"active_calls": -1, "active_outbound": -int(call.direction == "outbound")}
        fewer |= trunk_fewer(call.trunk_id)
        return [
            Delete(keys.live_call_ref(call.node_id or keys.UNCLAIMED, call.ref)),
            Update(keys.counter_ref(call.ref.org_id), add=fewer),
        ]

    def _usage(self) -> NewUsage:
        call = self.call
        return NewUsage(
            call_id=call.ref.call_id,
            duration_sec=self.duration_seconds,
            billed_minutes=self.billed_minutes,
            call_type="web" if call.direction == "web" else "phone",
            outbound=call.direction == "outbound",
            byok=self.byok,
            phone_number=call.assistant_phone,
            agent_name=call.agent_name,
            business_name=call.business_name,
        )
