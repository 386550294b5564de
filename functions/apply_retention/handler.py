"""Entry point of the daily retention run."""

from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from sovereign.calls.store import CallStore
from sovereign.kernel.observe import logger
from sovereign.kernel.settings import Environment, read_environment
from sovereign.kernel.table import Table
from sovereign.organizations.store import OrganizationStore
from sovereign.recordings.storage import Recordings
from sovereign.retention.eraser import RetentionEraser
from sovereign.retention.register import RetentionRegister
from sovereign.webhooks.delivery_store import DeliveryStore
from sovereign.webhooks.traces import WebhookTraces

RESERVED_MILLISECONDS = 60_000
"""No batch is begun with less time than this left."""

_log = logger()


class RetentionEnvironment(Environment):
    """TABLE_NAME, RECORDINGS_BUCKET."""

    table_name: str
    recordings_bucket: str | None = None


class UnfinishedError(RuntimeError):
    """Something is left to erase; the schedule tries again, from where this run stopped."""


def handler(_event: dict[str, Any], context: LambdaContext) -> None:
    """Erase what is past its period. Raises UnfinishedError when time ran out or an organization failed."""
    finished = _eraser().run(time_is_left=lambda: context.get_remaining_time_in_millis() > RESERVED_MILLISECONDS)
    if not finished:
        raise UnfinishedError
    _log.info("retention_applied")


@cache
def _eraser() -> RetentionEraser:
    environment = read_environment(RetentionEnvironment)
    table = Table(environment.table_name)
    bucket = environment.recordings_bucket
    return RetentionEraser(
        register=RetentionRegister(table),
        organizations=OrganizationStore(table),
        calls=CallStore(table),
        traces=WebhookTraces(table, DeliveryStore(table)),
        recordings=Recordings(bucket) if bucket else None,
    )
