"""The facts of a call: items committed with the state change they report, published by the stream's reader."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sovereign.calls import keys
from sovereign.calls.model import Call
from sovereign.kernel.clock import to_wire
from sovereign.kernel.table import Item, Put, absent

__all__ = [
    "CALL_ANSWERED",
    "CALL_ENDED",
    "CALL_REPORTED",
    "CALL_RINGING",
    "CALL_TRANSFERRED",
    "FACT_SHARDS",
    "SOURCE",
    "CallFact",
    "fact_detail",
    "is_fact",
]

SOURCE: Final = "sovereign.calls"
CALL_RINGING: Final = "call.ringing"
CALL_ANSWERED: Final = "call.answered"
CALL_TRANSFERRED: Final = "call.transferred"
CALL_ENDED: Final = "call.ended"
CALL_REPORTED: Final = "call.reported"

FACT_SHARDS: tuple[str, ...] = tuple(f"FACT#{shard}" for shard in range(keys.SHARDS))
"""Values of `due_shard` a fact carries until it is published."""

_VERSION = 1
_DETAIL = (
    "version",
    "fact_id",
    "org_id",
    "call_id",
    "call_number",
    "sequence",
    "occurred_at",
    "status",
    "end_reason",
    "direction",
    "agent_id",
    "number_id",
)


@dataclass(frozen=True)
class CallFact:
    """Something that happened to `call`, which carries the state and the sequence number after it."""

    name: str
    call: Call
    occurred_at: datetime

    @property
    def fact_id(self) -> str:
        """Stable id: the call's and the fact's place in it. It is the `webhook-id` of what is sent about it."""
        return f"{self.call.ref.call_id}.{self.call.sequence}"

    def write(self) -> Put:
        """The outbox item, for the transaction that makes the change."""
        ref = self.call.ref
        pk, sk = keys.fact_ref(ref, self.call.sequence)
        moment = to_wire(self.occurred_at)
        item: Item = {
            "pk": pk,
            "sk": sk,
            "fact": self.name,
            "version": _VERSION,
            "fact_id": self.fact_id,
            "org_id": ref.org_id,
            "call_id": ref.call_id,
            "call_number": ref.number,
            "sequence": self.call.sequence,
            "occurred_at": moment,
            "status": self.call.status.value,
            "end_reason": self.call.end_reason.value if self.call.end_reason else None,
            "direction": self.call.direction,
            "agent_id": self.call.agent_id,
            "number_id": self.call.number_id,
            "due_shard": FACT_SHARDS[keys.shard_of(ref.call_id)],
            "due_at": moment,
        }
        return Put(item, absent)


def is_fact(item: Item) -> bool:
    """Whether an item of the table is a call's fact."""
    return "fact" in item and str(item["sk"]).startswith("FACT#")


def fact_detail(item: Item) -> dict[str, Any]:
    """The event's detail (version 1, docs/architecture.md) from a fact's item; its name is `item["fact"]`."""
    return {name: item.get(name) for name in _DETAIL}
