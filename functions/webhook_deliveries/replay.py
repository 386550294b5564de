"""Replaying a delivery: found by its id, begun anew, queued."""

from sovereign.kernel.errors import GoneError
from sovereign.kernel.settings import Environment, read_environment
from sovereign.kernel.table import Table
from sovereign.webhooks.delivery import Delivery
from sovereign.webhooks.delivery_store import DeliveryNotFoundError, DeliveryStore
from sovereign.webhooks.facts import FactOrder
from sovereign.webhooks.queue import DeliveryQueue, QueuedAttempt


class ReplayEnvironment(Environment):
    """DELIVERY_QUEUE_URL."""

    delivery_queue_url: str


def replay_delivery(table: Table, org_id: str, delivery_id: str) -> Delivery:
    """Begin a delivery's schedule anew, its first attempt at once.

    Raises DeliveryNotFoundError, GoneError when its content was erased, ConflictError when it changed meanwhile.
    """
    deliveries = DeliveryStore(table)
    ref = FactOrder(table).find_delivery(org_id, delivery_id)
    delivery = deliveries.get(ref) if ref else None
    if delivery is None:
        raise DeliveryNotFoundError
    if delivery.body_erased:
        raise GoneError("The content of this delivery has been erased")
    begun = deliveries.replay(delivery)
    queue = DeliveryQueue(read_environment(ReplayEnvironment).delivery_queue_url)
    queue.put(QueuedAttempt(begun.ref, begun.attempt_count))
    return begun
