"""Where the items of calls lie (docs/data-model.md)."""

from datetime import datetime
from zlib import crc32

from sovereign.calls.model import CallRef
from sovereign.kernel import numbered_rows
from sovereign.kernel.clock import to_wire
from sovereign.kernel.numbered_rows import TimeRange, number_text
from sovereign.kernel.table import Ref

__all__ = [
    "UNCLAIMED",
    "agent_index",
    "counter_ref",
    "direction_index",
    "fact_ref",
    "frozen_assistant_ref",
    "index_place",
    "index_range",
    "live_call_ref",
    "live_calls_key",
    "lookup_ref",
    "message_ref",
    "notification_shard",
    "own_key",
    "private_prefix",
    "private_ref",
    "report_shard",
    "row_ref",
    "rows_key",
    "shard_of",
    "status_index",
    "summary_ref",
]

UNCLAIMED = "UNCLAIMED"
"""The node partition of calls that no node has claimed yet."""

_AFTER = "~"
"""Sorts behind everything that continues a sort key."""

SHARDS = 8
"""Partitions of the `due` index an outbox is spread over."""


def rows_key(org_id: str) -> str:
    """Partition of an organization's call rows, messages and summaries."""
    return f"ORG#{org_id}#CALLS"


def counter_ref(org_id: str) -> Ref:
    """The call counter: `last_number`, `last_created_at`, `active_calls`, `active_outbound`, starts of the minute."""
    return numbered_rows.counter_ref(rows_key(org_id))


def row_ref(ref: CallRef) -> Ref:
    """The call's row."""
    return Ref(rows_key(ref.org_id), number_text(ref.number))


def message_ref(ref: CallRef, batch_no: int, part: int = 0) -> Ref:
    """A batch of messages; parts after the first carry a suffix that sorts behind it."""
    suffix = f"#{part:02d}" if part else ""
    return Ref(rows_key(ref.org_id), f"{number_text(ref.number)}#M#{batch_no:06d}{suffix}")


def summary_ref(ref: CallRef) -> Ref:
    """Summary and analysis of the call."""
    return Ref(rows_key(ref.org_id), f"{number_text(ref.number)}#S")


def lookup_ref(org_id: str, call_id: str) -> Ref:
    """Leads from a call id to its number."""
    return Ref(f"ORG#{org_id}", f"CALL#{call_id}")


def own_key(org_id: str, call_id: str) -> str:
    """Partition of the call's own items: frozen assistant, facts, reservation, encrypted content."""
    return f"ORG#{org_id}#CALL#{call_id}"


def frozen_assistant_ref(ref: CallRef) -> Ref:
    """The effective assistant the call runs with."""
    return Ref(own_key(ref.org_id, ref.call_id), "ASSISTANT")


FROZEN_WORKFLOW = "WORKFLOW"
"""Sort key, in the call's own partition, of the workflow the call follows."""

CAMPAIGN_LINK = "CAMPAIGN"
"""Sort key, in the call's own partition, of what leads from the call to its campaign and lead."""


def fact_ref(ref: CallRef, sequence: int) -> Ref:
    """A fact of the call."""
    return Ref(own_key(ref.org_id, ref.call_id), f"FACT#{sequence:06d}")


def private_prefix() -> str:
    """Sort key prefix of the encrypted content of a gdpr_mode call, in the call's own partition."""
    return "GDPR"


def private_ref(ref: CallRef, kind: str) -> Ref:
    """A part of that content: `N` numbers, `S` summary and analysis, `T` transfer, `M#...` messages."""
    return Ref(own_key(ref.org_id, ref.call_id), f"{private_prefix()}#{kind}")


def live_calls_key(node_id: str) -> str:
    """Partition of the calls a node carries, or of those waiting for one (`UNCLAIMED`)."""
    return f"NODE#{node_id}#CALLS"


def live_call_ref(node_id: str, ref: CallRef) -> Ref:
    """A call in the care of a node."""
    return Ref(live_calls_key(node_id), f"{ref.org_id}#{ref.call_id}")


def status_index(org_id: str, status: str) -> str:
    """`gsi1pk` of a call's row."""
    return f"{rows_key(org_id)}#STATUS#{status}"


def agent_index(org_id: str, agent_id: str) -> str:
    """`gsi2pk` of a call's row."""
    return f"{rows_key(org_id)}#AGENT#{agent_id}"


def direction_index(org_id: str, direction: str) -> str:
    """`gsi3pk` of a call's row."""
    return f"{rows_key(org_id)}#DIRECTION#{direction}"


def index_place(ref: CallRef, created_at: datetime) -> str:
    """Sort key of a call in these indexes: the moment, then the number, as those of one millisecond have an order."""
    return f"{to_wire(created_at)}#{number_text(ref.number)}"


def index_range(made: TimeRange) -> tuple[str, str] | None:
    """Which of these sort keys lie within `made`; None: all."""
    if made.start is None and made.end is None:
        return None
    first, last = "0", _AFTER
    if made.start is not None:
        # rows keep milliseconds: those of the start's own lie before it once it has more than those
        first = to_wire(made.start) + (_AFTER if made.start.microsecond % 1000 else "")
    if made.end is not None:
        last = to_wire(made.end) + _AFTER
    return first, last


def shard_of(call_id: str) -> int:
    """The shard a call's outbox marks lie in."""
    return crc32(call_id.encode()) % SHARDS


def report_shard(shard: int) -> str:
    """`due_shard` of ended calls whose report is not written yet; `due_at` is when it is overdue."""
    return f"REPORT#{shard}"


def notification_shard(shard: int) -> str:
    """`due_shard` of calls whose mail is still to be sent; `due_at` is when its next attempt is overdue."""
    return f"NOTIFICATION#{shard}"
