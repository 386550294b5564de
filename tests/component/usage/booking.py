"""What usage tests book."""

from datetime import datetime

from sovereign.kernel.table import Table
from sovereign.usage.model import NewUsage
from sovereign.usage.store import booking_writes, usage_counter_ref
from tests.component.calls.harness import ORG


def used(seconds: int = 60, **changes: object) -> NewUsage:
    known: dict[str, object] = {
        "call_id": "call-1", "duration_sec": seconds, "billed_minutes": -(-seconds // 60), "call_type": "phone",
        "outbound": False,
    }  # fmt: skip
    return NewUsage(**(known | changes))  # type: ignore[arg-type]


def book(table: Table, entry: NewUsage, now: datetime) -> None:
    table.transact(booking_writes(ORG, table.get(usage_counter_ref(ORG)), entry, now))
