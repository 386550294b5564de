"""The record of a call's mail, in the call's row: every change is conditional on what it was decided from."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from sovereign.calls import keys
from sovereign.calls.items import call_from_item
from sovereign.calls.model import Call, CallRef
from sovereign.calls.rows import CallRows, Change
from sovereign.kernel.clock import Clock, to_wire, utc_now
from sovereign.kernel.table import Ref, Table
from sovereign.notifications.model import Notification, NotificationReason, NotificationStatus

CLAIM_SECONDS = 40
"""How long an attempt owns the mail: both requests to Resend with room for what surrounds them."""
SAFETY_MARGIN = timedelta(minutes=2)
"""How long after a queued attempt the sweep takes its message for lost and queues another."""
MOST_PER_SHARD = 2000
"""What one minute takes up of a shard; the rest waits for the next."""


class DueMail(NamedTuple):
    """A call whose mail is due, and how many attempts were made."""

    call: CallRef
    attempts: int


class NotificationStore:
    """Mails of every organization."""

    def __init__(self, table: Table, clock: Clock = utc_now) -> None:
        self._table = table
        self._clock = clock
        self._rows = CallRows(table, clock)

    def begin(self, call: Call, reported_at: datetime) -> bool:
        """Note that a mail is to be sent; False when that was noted before."""
        pending = Notification(status=NotificationStatus.PENDING, reported_at=reported_at)
        mark = _mark(call.ref, self._clock() + SAFETY_MARGIN)

        def step(now: Call) -> Change | None:
            return Change({"notification": pending.stored()}, set_also=mark) if now.notification is None else None

        return self._rows.advance(call.ref, step)

    def claim(self, ref: CallRef, attempts: int) -> Notification | None:
        """Own the attempt after `attempts` others for 40 s; None when it is made, or being made, by somebody else."""
        now = self._clock()
        until = now + timedelta(seconds=CLAIM_SECONDS)
        claimed: list[Notification] = []

        def step(call: Call) -> Change | None:
            found = notification_of(call)
            if found is None or not found.is_free(attempts, now):
                return None
            claimed[:] = [replace(found, claimed_until=until, first_attempt_at=found.first_attempt_at or now)]
            return Change({"notification": claimed[0].stored()}, set_also=_mark(ref, until + SAFETY_MARGIN))

        return claimed[0] if self._rows.advance(ref, step) else None

    def finish(
        self,
        ref: CallRef,
        claimed: Notification,
        status: NotificationStatus,
        reason: NotificationReason | None = None,
        *,
        email_id: str | None = None,
    ) -> bool:
        """Record how it ended; False when another attempt was quicker."""
        sent_at = self._clock() if status is NotificationStatus.SENT else None
        ended = replace(_attempted(claimed), status=status, reason=reason, sent_at=sent_at, email_id=email_id)
        return self._replace(ref, claimed, Change({"notification": ended.stored()}, remove=("due_shard", "due_at")))

    def retry_at(
        self, ref: CallRef, claimed: Notification, reason: NotificationReason, at: datetime, *, due_at: datetime
    ) -> bool:
        """Record a failed attempt; the next is at `at`, and the sweep queues it from `due_at` on."""
        waiting = replace(_attempted(claimed), reason=reason, next_attempt_at=at)
        return self._replace(ref, claimed, Change({"notification": waiting.stored()}, set_also=_mark(ref, due_at)))

    def due(self) -> Iterator[DueMail]:
        """Mails whose mark has come, from every shard."""
        until = to_wire(self._clock())
        for shard in range(keys.SHARDS):
            marks = self._table.query(keys.notification_shard(shard), index="due", between=("0", until))
            for mark in islice(marks, MOST_PER_SHARD):
                item = self._table.get(Ref(mark["pk"], mark["sk"]), consistent=True)
                call = call_from_item(item) if item else None
                found = notification_of(call) if call else None
                if call and found and found.status is NotificationStatus.PENDING:
                    yield DueMail(call.ref, found.attempts)

    def postpone(self, mail: DueMail, due_at: datetime) -> None:
        """Move the mark of a mail whose attempt was queued."""

        def step(call: Call) -> Change | None:
            found = notification_of(call)
            waits = found and found.status is NotificationStatus.PENDING and found.attempts == mail.attempts
            return Change({}, set_also=_mark(mail.call, due_at)) if waits else None

        self._rows.advance(mail.call, step)

    def _replace(self, ref: CallRef, claimed: Notification, change: Change) -> bool:
        def step(call: Call) -> Change | None:
            return change if call.notification == claimed.stored() else None

        return self._rows.advance(ref, step)


def notification_of(call: Call) -> Notification | None:
    """The record in a call's row."""
    return None if call.notification is None else Notification.from_stored(call.notification)


def _attempted(claimed: Notification) -> Notification:
    return replace(claimed, attempts=claimed.attempts + 1, claimed_until=None, next_attempt_at=None)


def _mark(ref: CallRef, due_at: datetime) -> dict[str, str]:
    return {"due_shard": keys.notification_shard(keys.shard_of(ref.call_id)), "due_at": to_wire(due_at)}
