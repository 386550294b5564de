"""A past: calls and usage rows as the stores write them, put into a table in bulk, and what a client must see of it.

The items come from the stores' own builders; only the writing is done in batches instead of one transaction a call.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from sovereign.calls import keys
from sovereign.calls.items import row_item
from sovereign.calls.model import STATUS_OF_END_REASON, Call, CallRef, Direction, EndReason
from sovereign.kernel.clock import to_wire
from sovereign.kernel.table import Item, Ref, Update, to_attributes
from sovereign.kernel.time_marks import Mark, mark_writes
from sovereign.usage.model import NewUsage
from sovereign.usage.store import booking_writes

FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_REASONS = (EndReason.USER_HANGUP, EndReason.ASSISTANT_HANGUP, EndReason.DIAL_BUSY, EndReason.PROVIDER_ERROR)
_AGENTS = ("agent-a", "agent-b", None)
_DIRECTIONS: tuple[Direction, ...] = ("inbound", "outbound")
_BATCH = 25
"""The most a batch write takes."""


@dataclass(frozen=True)
class History:
    """`count` calls of one organization, oldest first, and a usage row for each that was answered."""

    org_id: str
    calls: tuple[Call, ...]
    usage: tuple[NewUsage, ...]

    def items(self) -> Iterator[Item]:
        """Everything as items: rows, look-ups, counters, the marks of their moments."""
        marks = _Marks()
        for call in self.calls:
            marks.add(mark_writes(keys.rows_key(self.org_id), call.created_at, Mark(call.ref.number)))
            yield row_item(call)
            yield {**keys.lookup_ref(self.org_id, call.ref.call_id)._asdict(), "number": call.ref.number}
        newest = self.calls[-1]
        yield {
            **keys.counter_ref(self.org_id)._asdict(),
            "last_number": newest.ref.number,
            "last_created_at": to_wire(newest.created_at),
            "active_calls": 0,
            "active_outbound": 0,
        }
        yield from self._usage_items(marks)
        yield from marks.items()

    def _usage_items(self, marks: "_Marks") -> Iterator[Item]:
        counter: Item | None = None
        ended = {call.ref.call_id: call.ended_at for call in self.calls}
        for entry in self.usage:
            moment = ended[entry.call_id]
            assert moment is not None
            writes: Any = booking_writes(self.org_id, counter, entry, moment)
            counter, row = writes[0].item, writes[1].item
            marks.add(writes[2:])
            yield row
        if counter:
            yield counter


class _Marks:
    """The items many marks come to."""

    def __init__(self) -> None:
        self._nodes: dict[Ref, Item] = {}

    def add(self, writes: Iterable[Update]) -> None:
        """Apply a row's."""
        for write in writes:
            self._nodes.setdefault(write.ref, {**write.ref._asdict()}).update(write.set)

    def items(self) -> Iterator[Item]:
        """All of them."""
        yield from self._nodes.values()


def make_history(org_id: str, count: int, seed: int) -> History:
    """Calls a few seconds apart, some in the same millisecond; every fourth was not answered and has no usage."""
    chance = random.Random(seed)
    made, calls, usage = FIRST_DAY, [], []
    for number in range(1, count + 1):
        made += timedelta(milliseconds=chance.choice((0, 0, 1, 2500, 40_000)))
        call = _call(org_id, number, made, chance)
        calls.append(call)
        if call.duration_seconds:
            usage.append(_usage(call, chance))
    return History(org_id, tuple(calls), tuple(usage))


def _call(org_id: str, number: int, made: datetime, chance: random.Random) -> Call:
    reason, direction = chance.choice(_REASONS), chance.choice(_DIRECTIONS)
    seconds = chance.randrange(1, 600) if number % 4 else 0
    return Call(
        ref=CallRef(org_id, f"call-{direction}-{number:012x}", number),
        direction=direction,
        status=STATUS_OF_END_REASON[reason],
        created_at=made,
        updated_at=made,
        caller_phone="+31612345678",
        assistant_phone="+12025550142",
        agent_id=chance.choice(_AGENTS),
        end_reason=reason,
        started_at=made if seconds else None,
        ended_at=made + timedelta(seconds=seconds),
        duration_seconds=seconds,
        reported=True,
    )


def _usage(call: Call, chance: random.Random) -> NewUsage:
    seconds = call.duration_seconds or 0
    return NewUsage(
        call_id=call.ref.call_id,
        duration_sec=seconds,
        billed_minutes=-(-seconds // 60),
        call_type="phone",
        outbound=call.direction == "outbound",
        byok=frozenset(chance.sample(("stt", "llm", "tts"), 1)),
        phone_number=call.assistant_phone,
    )


def load(client: Any, table: str, items: Iterable[Item]) -> int:
    """Write items with a DynamoDB client; how many."""
    written = 0
    left = iter(items)
    while batch := [*islice(left, _BATCH)]:
        pending: Any = {table: [{"PutRequest": {"Item": to_attributes(item)}} for item in batch]}
        while pending:
            pending = client.batch_write_item(RequestItems=pending).get("UnprocessedItems")
        written += len(batch)
    return written
