"""Entry point: each message of the notifications queue is handled by itself, several at a time."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.send_notification.wiring import notifier
from sovereign.calls.events import CALL_REPORTED
from sovereign.kernel.observe import logger
from sovereign.notifications.queue import due_mail_from
from sovereign.webhooks.facts import fact_from_event

_THREADS = 5

_log = logger()


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Send a batch; the messages that failed are named, so that only they come back."""
    records = event["Records"]
    with ThreadPoolExecutor(min(_THREADS, len(records) or 1)) as pool:
        done = list(pool.map(_handled, records))
    failed = [record["messageId"] for record, ok in zip(records, done, strict=True) if not ok]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _handled(record: dict[str, Any]) -> bool:
    try:
        _send(json.loads(record["body"]))
    except Exception:  # noqa: BLE001 - the message comes back, and after five times lies in the dead-letter queue
        _log.exception("notification_message_failed", message_id=record["messageId"])
        return False
    return True


def _send(body: dict[str, Any]) -> None:
    queued = due_mail_from(body)
    if queued is not None:
        notifier().attempt(queued)
        return
    fact = fact_from_event(body)
    if fact is not None and fact.name == CALL_REPORTED:
        notifier().notify(fact)
