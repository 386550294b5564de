"""The queue of attempts: what waits at most 15 minutes; anything later waits in the table."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sovereign.kernel import aws
from sovereign.webhooks.delivery import DeliveryRef
from sovereign.webhooks.schedule import LONGEST_QUEUE_DELAY


@dataclass(frozen=True)
class QueuedAttempt:
    """An attempt to make: `attempt_count` is the record's when it was queued, so that a duplicate finds it changed."""

    ref: DeliveryRef
    attempt_count: int

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> "QueuedAttempt | None":
        """Read a message of this queue; None when it is something else (an event from the bus)."""
        queued = body.get("delivery")
        if not isinstance(queued, Mapping):
            return None
        return cls(DeliveryRef(str(queued["org_id"]), str(queued["key"])), int(queued["attempt_count"]))

    def to_body(self) -> str:
        """The message: ids only."""
        queued = {"org_id": self.ref.org_id, "key": self.ref.key, "attempt_count": self.attempt_count}
        return json.dumps({"delivery": queued})


class DeliveryQueue:
    """The deliveries queue and its dead-letter queue."""

    def __init__(self, url: str, dead_letter_url: str | None = None) -> None:
        self._url = url
        self._dead_letter_url = dead_letter_url
        self._client = aws.client("sqs")

    def put(self, attempt: QueuedAttempt, *, delay: timedelta = timedelta(0)) -> None:
        """Queue an attempt, to be made after `delay` (rounded up to a second, at most 15 minutes)."""
        seconds = math.ceil(min(max(delay, timedelta(0)), LONGEST_QUEUE_DELAY).total_seconds())
        self._client.send_message(QueueUrl=self._url, MessageBody=attempt.to_body(), DelaySeconds=seconds)

    def put_dead(self, attempt: QueuedAttempt, reason: str) -> None:
        """Leave a given-up delivery where the operator's alarm sees it; replaying it goes by its record."""
        if self._dead_letter_url is None:
            return
        body = json.loads(attempt.to_body()) | {"reason": reason}
        self._client.send_message(QueueUrl=self._dead_letter_url, MessageBody=json.dumps(body))
