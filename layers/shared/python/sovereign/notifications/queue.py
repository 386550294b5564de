"""The queue of mails: attempts that wait at most 15 minutes; anything later waits in the table."""

import json
import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sovereign.calls.model import CallRef
from sovereign.kernel import aws
from sovereign.notifications.store import DueMail
from sovereign.webhooks.schedule import LONGEST_QUEUE_DELAY


class NotificationQueue:
    """The queue, and its dead-letter queue where the caller has one."""

    def __init__(self, url: str, dead_letter_url: str | None = None) -> None:
        self._url = url
        self._dead_letter_url = dead_letter_url
        self._client = aws.client("sqs")

    def put(self, mail: DueMail, *, delay: timedelta = timedelta(0)) -> None:
        """Queue an attempt, to be made after `delay` (rounded up to a second, at most 15 minutes)."""
        seconds = math.ceil(min(max(delay, timedelta(0)), LONGEST_QUEUE_DELAY).total_seconds())
        self._client.send_message(QueueUrl=self._url, MessageBody=json.dumps(_body(mail)), DelaySeconds=seconds)

    def put_dead(self, mail: DueMail, reason: str) -> None:
        """Leave a mail that was given up where the operator's alarm sees it."""
        if self._dead_letter_url is not None:
            body = json.dumps(_body(mail) | {"reason": reason})
            self._client.send_message(QueueUrl=self._dead_letter_url, MessageBody=body)


def due_mail_from(body: Mapping[str, Any]) -> DueMail | None:
    """Read a message of this queue; None when it is something else (an event from the bus)."""
    queued = body.get("notification")
    if not isinstance(queued, Mapping):
        return None
    call = CallRef(str(queued["org_id"]), str(queued["call_id"]), int(queued["call_number"]))
    return DueMail(call, int(queued["attempts"]))


def _body(mail: DueMail) -> dict[str, Any]:
    ref = mail.call
    ids = {"org_id": ref.org_id, "call_id": ref.call_id, "call_number": ref.number}
    return {"notification": {**ids, "attempts": mail.attempts}}
