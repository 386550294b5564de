"""What is promised of every call that got an id, looked at whenever something is written and once all is over."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final, Protocol

from sovereign.calls.events import CALL_ENDED, CALL_REPORTED
from sovereign.calls.items import call_from_item
from sovereign.calls.keys import counter_ref
from sovereign.calls.load import trunk_calls
from sovereign.calls.model import Call, CallOutcome, CallStatus
from sovereign.kernel.clock import Clock, from_wire
from sovereign.kernel.table import Item, Ref
from tests.component.calls.simulation.tenants import Tenant
from tests.component.campaigns.simulation.memory_table import MemoryTable

TERMINAL_WITHIN: Final = timedelta(minutes=3)
"""From a node's kill."""
REPORTED_WITHIN: Final = timedelta(minutes=5, seconds=15)
"""From a call's end; what the sweep's own work takes is added to the five minutes."""
A_RUN: Final = timedelta(minutes=1)
"""What a run of a schedule that went wrong costs."""
_STANDS = ("status", "end_reason", "started_at", "ended_at", "duration_seconds", "error")
_UNBILLED = (CallStatus.REJECTED, CallStatus.INSUFFICIENT_CREDITS)


class KilledNode(Protocol):
    """A process, and when it was stopped."""

    node_id: str
    killed_at: datetime | None


class Promises:
    """`knew` holds the outcomes nodes tried to write, by call; `told` the calls of those that were answered."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.knew: dict[str, CallOutcome] = {}
        self.told: set[str] = set()
        self.over_at: dict[str, datetime] = {}
        self.reported_at: dict[str, datetime] = {}
        self._facts: Counter[tuple[str, str]] = Counter()
        self._usage: dict[str, list[int]] = {}
        self._heartbeats: dict[str, list[datetime]] = {}
        self.calls = 0
        self.up: Counter[str] = Counter()
        """Calls that are not over, by organization."""

    def on_change(self, ref: Ref, before: Item | None, after: Item | None) -> None:
        """Raises AssertionError as soon as something is written that may not be."""
        if after is None:
            return
        if ref.pk.endswith("#CALLS") and ref.sk.isdigit():
            self._row(before, after)
        elif ref.pk.endswith("#USAGE") and ref.sk.isdigit():
            self._usage.setdefault(after["call_id"], []).append(after["billed_minutes"])
        elif ref.pk == "NODES":
            self._heartbeats.setdefault(after["node_id"], []).append(from_wire(after["heartbeat_at"]))
        elif ref.sk.startswith("FACT#") and before is None:
            self._facts[after["call_id"], after["fact"]] += 1
            if after["fact"] == CALL_REPORTED:
                self.reported_at.setdefault(after["call_id"], self._clock())
        elif ref.sk == "RESERVATION" and before is not None and not before["open"]:
            assert before.get("may_be_corrected"), ("settled twice", before, after)
            assert not after["open"]
            assert not after["may_be_corrected"]

    def _row(self, before: Item | None, after: Item) -> None:
        if before is None:
            self.calls += 1
            self.up[after["org_id"]] += 1
        if before is None or before.get("ended_at") is None:
            if after.get("ended_at") is not None:
                self.over_at[after["call_id"]] = self._clock()
                self.up[after["org_id"]] -= 1
            return
        stood = {name: (before.get(name), after.get(name)) for name in _STANDS}
        assert all(old == new for old, new in stood.values()), ("another terminal write", stood)

    # once all is over

    def lost_reports(self, table: MemoryTable, tenants: Mapping[str, Tenant], sent: Mapping[str, Any]) -> list[str]:
        """Calls without their one report, or whose customer did not get it under one id with one body."""
        return [
            call.ref.call_id
            for call in rows(table)
            if self._facts[call.ref.call_id, CALL_REPORTED] != 1
            or self._facts[call.ref.call_id, CALL_ENDED] != 1
            or not call.is_over
            or not call.reported
            or (tenants[call.ref.org_id].told and not _got_one_report(sent.get(call.ref.call_id, ())))
        ]

    def check_times(
        self, table: MemoryTable, nodes: Iterable[KilledNode], troubled: Mapping[str, Sequence[datetime]]
    ) -> None:
        """Calls of killed nodes were over, and all reports written, in time."""
        killed = {node.node_id: node.killed_at for node in nodes if node.killed_at}
        for call in rows(table):
            over_at, killed_at = self.over_at[call.ref.call_id], killed.get(call.node_id or "")
            if killed_at and over_at > killed_at:
                _check_within(TERMINAL_WITHIN, killed_at, over_at, troubled["reap"], call)
            _check_within(REPORTED_WITHIN, over_at, self.reported_at[call.ref.call_id], troubled["sweep"], call)

    def check_bills(self, table: MemoryTable, tenants: Mapping[str, Tenant]) -> None:
        """Every call's usage and ledger say the minutes it took; the balances are what the ledgers say."""
        entries = [item for pk, part in table.items.items() if pk.endswith("#LEDGER") for item in part.values()]
        moved = Counter[str]()
        for entry in entries:
            moved[entry["call_id"]] += entry["minutes"]
        for call in rows(table):
            minutes, call_id = self._minutes(call), call.ref.call_id
            assert self._usage.get(call_id, []) == ([minutes] if _is_billed(call) else []), (call, self._usage)
            held = table.items[f"ORG#{call.ref.org_id}#CALL#{call_id}"].get("RESERVATION")
            if held is None:
                assert moved[call_id] == 0, (call, moved[call_id])
                assert tenants[call.ref.org_id].payer is None or not minutes
                continue
            assert not held["open"], ("the reservation stays open", call)
            assert -moved[call_id] == held["billed_minutes"], (call, held)
            assert -moved[call_id] in self._due(call, minutes), (call, held, self.knew.get(call_id))
        for tenant in tenants.values():
            item = table.items[f"ORG#{tenant.org_id}"]["ORGANIZATION"]
            ledger = table.items[f"ORG#{tenant.org_id}#LEDGER"].values()
            assert item["minutes_balance"] == tenant.minutes + sum(entry["minutes"] for entry in ledger)

    def _minutes(self, call: Call) -> int:
        assert call.ended_at is not None
        if call.end_reason == "node_lost":
            earliest = call.started_at or call.created_at
            heartbeats = self._heartbeats[call.node_id or ""]
            assert call.ended_at in (earliest, *heartbeats), (call, heartbeats[-1])
        return _started_minutes(call, call.ended_at)

    def _due(self, call: Call, minutes: int) -> set[int]:
        """What may have been taken for a call: a node that came back and knew better corrects a guess."""
        known = self.knew.get(call.ref.call_id)
        if call.error != "The media node of the call was lost" or known is None or known.ended_at is None:
            return {minutes}
        corrected = _started_minutes(call, max(known.ended_at, call.started_at or call.created_at))
        return {corrected} if call.ref.call_id in self.told else {minutes, corrected}

    def check_burden(self, table: MemoryTable, tenants: Mapping[str, Tenant]) -> None:
        """Nothing counts as up any more."""
        for org_id in tenants:
            ref = counter_ref(org_id)
            counter = table.items[ref.pk].get(ref.sk, {})
            up = {name: counter.get(name, 0) for name in ("active_calls", "active_outbound", trunk_calls("trunk"))}
            assert not any(up.values()), up
        live = [item for pk, part in table.items.items() if pk.startswith("NODE#") for item in part.values()]
        assert live == []

    def check_load(self, table: MemoryTable, tenants: Mapping[str, Tenant]) -> None:
        """At any moment as many calls count as are up."""
        for org_id in tenants:
            ref = counter_ref(org_id)
            counted = table.items[ref.pk].get(ref.sk, {}).get("active_calls", 0)
            assert counted == self.up[org_id], (org_id, counted, self.up)


def rows(table: MemoryTable) -> list[Call]:
    """Every call there is."""
    found = [part for pk, part in table.items.items() if pk.endswith("#CALLS") and not pk.startswith("NODE#")]
    return [call_from_item(item) for part in found for sk, item in part.items() if sk.isdigit()]


def _got_one_report(sent: Sequence[tuple[str, bytes]]) -> bool:
    reports = {(id_, body) for id_, body in sent if json.loads(body)["message"]["type"] == "end-of-call-report"}
    return len(reports) == 1


def _check_within(bound: timedelta, since: datetime, at: datetime, troubled: Sequence[datetime], call: Call) -> None:
    more = A_RUN * sum(since <= moment <= at for moment in troubled)
    assert at - since <= bound + more, (str(at - since), str(more), call)


def _is_billed(call: Call) -> bool:
    return call.started_at is not None and call.status not in _UNBILLED


def _started_minutes(call: Call, ended_at: datetime) -> int:
    if not _is_billed(call) or call.started_at is None:
        return 0
    return max(1, ceil((ended_at - call.started_at).total_seconds() / 60))
