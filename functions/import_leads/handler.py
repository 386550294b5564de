"""Entry point: an upload or an import to go on with, or the minute's sweep."""

from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.import_leads import wiring
from functions.import_leads.messages import import_of
from sovereign.kernel.observe import logger

RESERVED_MILLISECONDS = 60_000
"""No piece of a file is begun with less time than this left: a busy table may take some seconds for one."""

_log = logger()


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Work off the messages; those that failed come again, and in the end wait for a person."""
    if event.get("source") == "sovereign.schedule":
        return {"found": wiring.sweep()}
    failed = []
    for record in event["Records"]:
        try:
            _work(record, lambda: context.get_remaining_time_in_millis() > RESERVED_MILLISECONDS)
        except Exception:  # noqa: BLE001 - the sweep and the queue bring it again
            _log.exception("import_interrupted", message_id=record.get("messageId"))
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _work(record: Mapping[str, Any], time_is_left: Callable[[], bool]) -> None:
    key = import_of(record["body"])
    if key is None:
        return  # an object that is no upload
    if wiring.importer().run(key, time_is_left=time_is_left) == "again":
        wiring.queue(key)
