"""A call's fact as the delivery reads it, and the order in which a call's facts are first attempted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sovereign.calls import keys
from sovereign.calls.events import CALL_ANSWERED, CALL_ENDED, CALL_REPORTED, CALL_RINGING, CALL_TRANSFERRED, SOURCE
from sovereign.calls.model import CallRef
from sovereign.kernel.clock import from_wire, to_wire
from sovereign.kernel.table import Attr, ConditionFailed, Table, Update, present
from sovereign.webhooks.delivery import DeliveryRef
from sovereign.webhooks.targets import WebhookEvent

LONGEST_WAIT = timedelta(seconds=60)
"""A fact is first attempted at most this long after it happened, whatever became of its predecessor."""

EVENT_OF_FACT: Mapping[str, WebhookEvent] = {
    CALL_RINGING: WebhookEvent.STATUS_UPDATE,
    CALL_ANSWERED: WebhookEvent.STATUS_UPDATE,
    CALL_TRANSFERRED: WebhookEvent.STATUS_UPDATE,
    CALL_ENDED: WebhookEvent.STATUS_UPDATE,
    CALL_REPORTED: WebhookEvent.END_OF_CALL_REPORT,
}


@dataclass(frozen=True)
class FactNotice:
    """A fact of a call, from its event or its item."""

    name: str
    fact_id: str
    call: CallRef
    sequence: int
    occurred_at: datetime
    status: str
    end_reason: str | None

    @property
    def event(self) -> WebhookEvent:
        """The webhook event that tells it."""
        return EVENT_OF_FACT[self.name]

    @property
    def delivery_ref(self) -> DeliveryRef:
        """Where its one delivery lies."""
        return delivery_ref(self.call.org_id, self.fact_id, self.occurred_at_text)

    @property
    def occurred_at_text(self) -> str:
        """Its moment in the wire format."""
        return to_wire(self.occurred_at)

    @classmethod
    def from_detail(cls, name: str, detail: Mapping[str, Any]) -> "FactNotice":
        """Read an event's detail or a fact's item; both have these members. Raises KeyError, ValueError, TypeError."""
        return cls(
            name=name,
            fact_id=detail["fact_id"],
            call=CallRef(detail["org_id"], detail["call_id"], int(detail["call_number"])),
            sequence=int(detail["sequence"]),
            occurred_at=from_wire(detail["occurred_at"]),
            status=detail["status"],
            end_reason=detail["end_reason"],
        )


def fact_from_event(event: Mapping[str, Any]) -> FactNotice | None:
    """The fact of an EventBridge event, None when it is one that no webhook tells."""
    if event.get("source") != SOURCE or event.get("detail-type") not in EVENT_OF_FACT:
        return None
    return FactNotice.from_detail(event["detail-type"], event["detail"])


def delivery_ref(org_id: str, fact_id: str, occurred_at: str) -> DeliveryRef:
    """Where the delivery of a fact lies; `occurred_at` in the wire format."""
    return DeliveryRef(org_id, f"{occurred_at}#{fact_id}")


class FactOrder:
    """Marks on the facts' items: who was attempted, and who waits for it."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def load(self, call: CallRef, sequence: int) -> FactNotice | None:
        """The fact at this place in its call, None when it was erased."""
        item = self._table.get(keys.fact_ref(call, sequence), consistent=True)
        return FactNotice.from_detail(item["fact"], item) if item else None

    def find_delivery(self, org_id: str, delivery_id: str) -> DeliveryRef | None:
        """Where the delivery with this id lies; None for an id that names no fact of the organization."""
        call_id, _, sequence = delivery_id.rpartition(".")
        if not call_id or not (sequence.isascii() and sequence.isdigit() and len(sequence) <= 6):
            return None
        fact = self.load(CallRef(org_id, call_id, 0), int(sequence))
        return fact.delivery_ref if fact and fact.fact_id == delivery_id else None

    def must_wait(self, fact: FactNotice) -> bool:
        """Whether the predecessor's first attempt is still to come; if so this fact is noted as its follower."""
        waiting = present & Attr("attempted").not_exists()
        update = Update(
            keys.fact_ref(fact.call, fact.sequence - 1), set={"follower": fact.delivery_ref.key}, condition=waiting
        )
        try:
            self._table.update(update)
        except ConditionFailed:
            return False
        return True

    def attempted(self, fact: FactNotice) -> DeliveryRef | None:
        """Note that the first attempt is over, or that there is none to make; the delivery that waited for it."""
        update = Update(keys.fact_ref(fact.call, fact.sequence), set={"attempted": True}, condition=present)
        try:
            item = self._table.update(update)
        except ConditionFailed:
            return None
        follower = item.get("follower")
        return DeliveryRef(fact.call.org_id, follower) if follower else None
