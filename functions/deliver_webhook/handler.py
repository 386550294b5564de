"""Entry point: each message of the deliveries queue is handled by itself, several at a time."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.deliver_webhook.wiring import deliverer
from sovereign.kernel.observe import logger
from sovereign.webhooks.facts import fact_from_event
from sovereign.webhooks.queue import QueuedAttempt

_THREADS = 10

_log = logger()


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Deliver a batch; the messages that failed are named, so that only they come back."""
    records = event["Records"]
    with ThreadPoolExecutor(min(_THREADS, len(records) or 1)) as pool:
        done = list(pool.map(_handled, records))
    failed = [record["messageId"] for record, ok in zip(records, done, strict=True) if not ok]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _handled(record: dict[str, Any]) -> bool:
    try:
        _deliver(json.loads(record["body"]))
    except Exception:  # noqa: BLE001 - the message comes back, and after five times lies in the dead-letter queue
        _log.exception("delivery_message_failed", message_id=record["messageId"])
        return False
    return True


def _deliver(body: dict[str, Any]) -> None:
    queued = QueuedAttempt.from_body(body)
    if queued is not None:
        deliverer().deliver_queued(queued)
        return
    fact = fact_from_event(body)
    if fact is not None:
        deliverer().deliver_fact(fact)
