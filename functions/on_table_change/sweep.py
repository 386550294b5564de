"""The minute's sweep: whatever a lost message, a crash or a restart left behind is taken up again."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import islice, takewhile

from functions.on_table_change.publisher import FactPublisher
from sovereign.analysis.reporting import write_report
from sovereign.calls.events import FACT_SHARDS
from sovereign.calls.store import CallStore
from sovereign.kernel.clock import Clock, to_wire, utc_now
from sovereign.kernel.observe import logger
from sovereign.kernel.table import Ref, Table
from sovereign.notifications.queue import NotificationQueue
from sovereign.notifications.store import NotificationStore
from sovereign.webhooks.delivery import DeliveryStatus
from sovereign.webhooks.delivery_items import DELIVERY_SHARDS
from sovereign.webhooks.delivery_store import DeliveryStore
from sovereign.webhooks.queue import DeliveryQueue, QueuedAttempt

UNPUBLISHED_AFTER = timedelta(seconds=10)
"""A fact this old should have come by the stream."""
REQUEUED_AFTER = timedelta(minutes=10)
"""A queued attempt that has not changed its delivery by then is queued once more."""
BATCH = 100
MOST_PER_SHARD = 2000
"""What one minute takes up of a shard; the rest waits for the next."""
RESERVED_SECONDS = 5.0
"""Nothing is begun with less time than this left."""
OVERDUE = "The analysis was not finished in time."

TimeIsLeft = Callable[[], bool]
"""Whether a part may go on; asked before each piece of work."""

_log = logger()


def _unhurried() -> bool:
    return True


class Sweep:
    """Attempts that are due, reports that are overdue, mails that are due, facts left unpublished."""

    def __init__(
        self,
        *,
        table: Table,
        publisher: FactPublisher,
        deliveries: DeliveryStore,
        queue: DeliveryQueue,
        calls: CallStore,
        notifications: NotificationStore,
        notification_queue: NotificationQueue,
        clock: Clock = utc_now,
    ) -> None:
        self._table = table
        self._publisher = publisher
        self._deliveries = deliveries
        self._queue = queue
        self._calls = calls
        self._notifications = notifications
        self._notification_queue = notification_queue
        self._clock = clock

    def run(self, seconds_left: Callable[[], float]) -> None:
        """Do each part, whatever becomes of the others, in its share of the time; what one does not use is the next's.

        Facts come last: an outage of the bus leaves thousands of them, and holds up each request to it.
        """
        parts = (self.queue_attempts, self.write_reports, self.queue_mails, self.publish_facts)
        for number, part in enumerate(parts):
            left = seconds_left()
            until = left - (left - RESERVED_SECONDS) / (len(parts) - number)
            _guarded(partial(part, lambda until=until: seconds_left() > until))  # type: ignore[misc]

    def publish_facts(self, time_is_left: TimeIsLeft = _unhurried) -> None:
        """Publish facts the stream has not brought; stop at a shard whose facts the bus does not take."""
        until = to_wire(self._clock() - UNPUBLISHED_AFTER)
        for shard in FACT_SHARDS:
            marks = islice(self._table.query(shard, index="due", between=("0", until)), MOST_PER_SHARD)
            while time_is_left() and (batch := [Ref(mark["pk"], mark["sk"]) for mark in islice(marks, BATCH)]):
                found = self._table.get_many(batch, consistent=True)
                facts = [found[ref] for ref in batch if "due_shard" in found.get(ref, {})]
                if facts and self._publisher.publish(facts) == 0:
                    break

    def queue_attempts(self, time_is_left: TimeIsLeft = _unhurried) -> None:
        """Queue the attempts that are due, and move their marks so that the next minute does not queue them again."""
        now = self._clock()
        due = (ref for shard in DELIVERY_SHARDS for ref in islice(self._deliveries.due(shard, now), MOST_PER_SHARD))
        for ref in takewhile(lambda _: time_is_left(), due):
            delivery = self._deliveries.get(ref)
            if delivery is None or delivery.status is not DeliveryStatus.PENDING:
                continue
            self._queue.put(QueuedAttempt(ref, delivery.attempt_count))
            self._deliveries.postpone(ref, due_at=now + REQUEUED_AFTER)

    def write_reports(self, time_is_left: TimeIsLeft = _unhurried) -> None:
        """Write the reports that after_call has not written in time (an execution may be lost in a restart)."""
        for ref in takewhile(lambda _: time_is_left(), self._calls.lifecycle.overdue_reports()):
            _log.warning("report_overdue", call_id=ref.call_id)
            _guarded(lambda ref=ref: write_report(self._calls, ref, failure=OVERDUE))  # type: ignore[misc]

    def queue_mails(self, time_is_left: TimeIsLeft = _unhurried) -> None:
        """Queue the mails that are due, as `queue_attempts` does."""
        for mail in takewhile(lambda _: time_is_left(), self._notifications.due()):
            self._notification_queue.put(mail)
            self._notifications.postpone(mail, self._clock() + REQUEUED_AFTER)


def _guarded(part: Callable[[], None]) -> None:
    try:
        part()
    except Exception:  # noqa: BLE001 - the next minute tries again; the other parts are due now
        _log.exception("sweep_failed")
