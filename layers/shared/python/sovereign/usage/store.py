"""Usage rows: numbered without gaps, each with the sums up to itself, so that any range's sum is a difference."""

from datetime import datetime

from sovereign.kernel import ids, numbered_rows
from sovereign.kernel.clock import from_wire, to_wire
from sovereign.kernel.numbered_rows import NumberRange, TimeRange, number_text
from sovereign.kernel.table import Attr, Item, Put, Ref, Table, Write, absent
from sovereign.kernel.time_marks import Mark, mark_writes
from sovereign.usage.model import NewUsage, UsageLog, UsagePage, UsageSummary

__all__ = ["UsageStore", "booking_writes", "day_outbound_minutes", "month_minutes", "usage_counter_ref"]

_SERVICES = ("stt", "llm", "tts")


class UsageStore:
    """The usage log of organizations."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def page(self, org_id: str, *, offset: int, limit: int, bounds: TimeRange) -> UsagePage:
        """Logs made within `bounds`, newest first, and the sums over all of them: two requests, one more per MB."""
        whole = numbered_rows.read_range(self._table, _pk(org_id), bounds)
        rows = self._rows(org_id, whole.numbers.page(offset, limit))
        return UsagePage([_log(row) for row in rows], UsageSummary(whole.numbers.total, whole.total))

    def _rows(self, org_id: str, numbers: NumberRange) -> list[Item]:
        if not numbers.total:
            return []
        between = (number_text(numbers.low), number_text(numbers.high))
        return list(self._table.query(_pk(org_id), between=between, descending=True, consistent=True))


def usage_counter_ref(org_id: str) -> Ref:
    """The usage counter with the running sums: `total_seconds`, and minutes of the current month and day."""
    return numbered_rows.counter_ref(_pk(org_id))


def booking_writes(org_id: str, counter: Item | None, entry: NewUsage, now: datetime) -> list[Write]:
    """Counter and row, for the transaction that ends the call; `counter` as just read.

    Its first write fails when somebody booked meanwhile: read the counter again and build the writes anew.
    """
    number = numbered_rows.counted(counter) + 1
    created_at = numbered_rows.created_at_after(counter, now)
    total_seconds = (counter["total_seconds"] if counter else 0) + entry.duration_sec
    outbound_minutes = entry.billed_minutes if entry.outbound else 0
    pk, sk = usage_counter_ref(org_id)
    counted: Item = {
        "pk": pk,
        "sk": sk,
        "last_number": number,
        "last_created_at": to_wire(created_at),
        "total_seconds": total_seconds,
        # of the row's moment: a clock that is a little behind would begin the month that is over anew
        "month": _month(created_at),
        "month_minutes": month_minutes(counter, created_at) + entry.billed_minutes,
        "day": _day(created_at),
        "day_outbound_minutes": day_outbound_minutes(counter, created_at) + outbound_minutes,
    }
    unchanged = Attr("last_number").eq(number - 1) if counter else absent
    row = _row(org_id, number, created_at, entry) | {"total_seconds": total_seconds}
    marks = mark_writes(pk, created_at, Mark(number, total_seconds))
    return [Put(counted, unchanged), Put(row, absent), *marks]


def month_minutes(counter: Item | None, now: datetime) -> int:
    """Minutes billed since the first of the month, 00:00 UTC."""
    return int(counter["month_minutes"]) if counter and counter["month"] == _month(now) else 0


def day_outbound_minutes(counter: Item | None, now: datetime) -> int:
    """Minutes billed to outbound calls since 00:00 UTC."""
    return int(counter["day_outbound_minutes"]) if counter and counter["day"] == _day(now) else 0


def _pk(org_id: str) -> str:
    return f"ORG#{org_id}#USAGE"


def _month(now: datetime) -> str:
    return to_wire(now)[:7]


def _day(now: datetime) -> str:
    return to_wire(now)[:10]


def _row(org_id: str, number: int, created_at: datetime, entry: NewUsage) -> Item:
    return {
        "pk": _pk(org_id),
        "sk": number_text(number),
        "id": ids.new_id(),
        "call_id": entry.call_id,
        "duration_sec": entry.duration_sec,
        "billed_minutes": entry.billed_minutes,
        "call_type": entry.call_type,
        "phone_number": entry.phone_number,
        "agent_name": entry.agent_name,
        "business_name": entry.business_name,
        "created_at": to_wire(created_at),
    } | {f"byok_{service}": service in entry.byok for service in _SERVICES}


def _log(item: Item) -> UsageLog:
    return UsageLog(
        id=item["id"],
        call_id=item["call_id"],
        duration_sec=item["duration_sec"],
        call_type=item["call_type"],
        byok=frozenset(service for service in _SERVICES if item[f"byok_{service}"]),
        created_at=from_wire(item["created_at"]),
        phone_number=item["phone_number"],
        agent_name=item["agent_name"],
        business_name=item["business_name"],
    )
