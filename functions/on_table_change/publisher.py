"""Facts become events: the only place that publishes."""

import json
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sovereign.calls import events as call_events
from sovereign.kernel import aws
from sovereign.kernel.bus import Bus, Event, EventTooLargeError, check_size
from sovereign.kernel.clock import from_wire
from sovereign.kernel.observe import logger
from sovereign.kernel.table import Attr, ConditionFailed, Item, Ref, Table, Update
from sovereign.retention.register import RetentionRegister

_log = logger()


class FailedRecords:
    """The queue of what can never be published: keys and a reason, for an operator to look at."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = aws.client("sqs")

    def put(self, reason: str, **keys: Any) -> None:
        """Leave a record's keys behind, never its content."""
        self._client.send_message(QueueUrl=self._url, MessageBody=json.dumps({"reason": reason, **keys}))


class FactPublisher:
    """Publishes facts and clears their marks; what the bus does not take stays marked for the sweep."""

    def __init__(self, table: Table, bus: Bus, failed: FailedRecords, register: RetentionRegister) -> None:
        self._table = table
        self._bus = bus
        self._failed = failed
        self._register = register

    def publish(self, facts: Sequence[Item]) -> int:
        """Publish a batch of facts' items; returns how many the bus took."""
        readable = [(item, event) for item in facts if (event := self._readable(item)) is not None]
        taken = self._bus.publish([event for _, event in readable])
        for (item, event), ok in zip(readable, taken, strict=True):
            if ok:
                self._clear(item)
                self._register.note(str(event.detail["org_id"]))
        refused = taken.count(False)
        if refused:
            _log.warning("facts_left_for_the_sweep", count=refused)
        return len(taken) - refused

    def _readable(self, item: Item) -> Event | None:
        try:
            event = event_of(item)
            check_size(event)
        except (KeyError, TypeError, ValueError, EventTooLargeError) as failure:
            reason = type(failure).__name__
            _log.error("fact_unreadable", pk=item["pk"], sk=item["sk"], reason=reason)
            self._failed.put(reason, pk=item["pk"], sk=item["sk"])
            # it will never be readable: left marked, every sweep would stumble over it
            self._clear(item)
            return None
        return event

    def _clear(self, item: Item) -> None:
        """Take the mark off. A failure only means that the sweep publishes it again: every reader stands duplicates."""
        mark = Attr("due_shard").eq(item["due_shard"])
        try:
            self._table.update(Update(Ref(item["pk"], item["sk"]), remove=["due_shard", "due_at"], condition=mark))
        except ConditionFailed:
            return
        except (ClientError, BotoCoreError):
            _log.exception("fact_mark_not_cleared", pk=item["pk"], sk=item["sk"])


def event_of(item: Item) -> Event:
    """The event of a fact's item: a call's by its columns, any other by its own `source` and `detail`.

    Raises KeyError, TypeError or ValueError for an item that is no fact.
    """
    if "detail" in item:
        return Event(item["source"], item["fact"], item["detail"], from_wire(item["occurred_at"]))
    if not call_events.is_fact(item):
        raise ValueError("not a fact")
    detail = call_events.fact_detail(item)
    missing = [name for name in ("fact_id", "org_id", "call_id", "call_number", "sequence") if detail[name] is None]
    if missing:
        raise ValueError(f"a fact without {', '.join(missing)}")
    return Event(call_events.SOURCE, item["fact"], detail, from_wire(item["occurred_at"]))
