"""Whether the limits that campaigns share are kept, counted from the calls' rows and not from the counter."""

from collections.abc import Sequence
from datetime import timedelta

from sovereign.calls import keys
from sovereign.calls.load import trunk_calls
from sovereign.kernel.clock import from_wire
from sovereign.kernel.table import Item
from sovereign.organizations.model import OutboundPolicy
from sovereign.sip_trunks import SipTrunk
from tests.component.calls.harness import ORG
from tests.component.campaigns.simulation.memory_table import MemoryTable

_A_MILLISECOND = timedelta(milliseconds=1)


def check_kept(table: MemoryTable, policy: OutboundPolicy, trunk: SipTrunk) -> None:
    """No more calls are up, or were started in the last minute or one after the other, than may be."""
    rows = _calls(table)
    up = sum(row.get("ended_at") is None for row in rows)
    assert up <= policy.max_concurrent_calls, (up, policy)
    newest = from_wire(rows[-1]["created_at"])
    minute = [row for row in rows[-1000:] if _minute(row) == int(newest.timestamp()) // 60]
    assert len(minute) <= policy.max_calls_per_minute, (len(minute), policy)
    limits = trunk.settings
    assert limits.max_concurrent_calls is None or up <= limits.max_concurrent_calls, (up, limits)
    if limits.calls_per_second is not None and len(rows) > 1:
        since = newest - from_wire(rows[-2]["created_at"])
        assert since >= timedelta(seconds=1 / limits.calls_per_second) - _A_MILLISECOND, (since, limits)


def check_given_back(table: MemoryTable, trunk: SipTrunk) -> None:
    """Once every call is over nothing counts any more, whatever was lost on the way."""
    counter = table.items[keys.rows_key(ORG)].get("COUNTER", {})
    assert all(row.get("ended_at") for row in _calls(table))
    assert counter.get("active_outbound", 0) == counter.get(trunk_calls(trunk.id), 0) == 0, counter


def _calls(table: MemoryTable) -> Sequence[Item]:
    partition = table.items[keys.rows_key(ORG)]
    return [partition[sk] for sk in sorted(partition) if sk.isdigit()]


def _minute(row: Item) -> int:
    return int(from_wire(row["created_at"]).timestamp()) // 60
