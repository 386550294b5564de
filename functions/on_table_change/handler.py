"""Entry point of the stream's reader, and of its one-minute sweep."""

from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.on_table_change.publisher import FactPublisher, FailedRecords
from functions.on_table_change.stream import publish_records
from functions.on_table_change.sweep import Sweep
from sovereign.calls.store import CallStore
from sovereign.kernel.bus import Bus
from sovereign.kernel.encryption import default_cipher
from sovereign.kernel.settings import Environment, read_environment
from sovereign.kernel.table import Table
from sovereign.notifications.queue import NotificationQueue
from sovereign.notifications.store import NotificationStore
from sovereign.retention.register import RetentionRegister
from sovereign.webhooks.delivery_store import DeliveryStore
from sovereign.webhooks.queue import DeliveryQueue


class ReaderEnvironment(Environment):
    """TABLE_NAME, BUS_NAME, FAILED_RECORDS_QUEUE_URL, DELIVERY_QUEUE_URL, NOTIFICATION_QUEUE_URL."""

    table_name: str
    bus_name: str
    failed_records_queue_url: str
    delivery_queue_url: str
    notification_queue_url: str


def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """A batch of the stream, or the schedule's tick."""
    if "Records" in event:
        publish_records(event["Records"], _publisher(), _failed_records())
        return
    _sweep().run(lambda: context.get_remaining_time_in_millis() / 1000)


@cache
def _failed_records() -> FailedRecords:
    return FailedRecords(read_environment(ReaderEnvironment).failed_records_queue_url)


@cache
def _publisher() -> FactPublisher:
    environment = read_environment(ReaderEnvironment)
    table = Table(environment.table_name)
    return FactPublisher(table, Bus(environment.bus_name), _failed_records(), RetentionRegister(table))


@cache
def _sweep() -> Sweep:
    environment = read_environment(ReaderEnvironment)
    table = Table(environment.table_name)
    return Sweep(
        table=table,
        publisher=_publisher(),
        deliveries=DeliveryStore(table),
        queue=DeliveryQueue(environment.delivery_queue_url),
        calls=CallStore(table, cipher=default_cipher()),
        notifications=NotificationStore(table),
        notification_queue=NotificationQueue(environment.notification_queue_url),
    )
