"""The deliverer of this process."""

from functools import cache

from sovereign.assistants import AssistantStore
from sovereign.calls.store import CallStore
from sovereign.kernel.encryption import default_cipher
from sovereign.kernel.settings import Environment, read_environment
from sovereign.kernel.table import Table
from sovereign.numbers.store import NumberStore
from sovereign.organizations.store import OrganizationStore
from sovereign.webhooks.accounts import StoredAccountWebhooks, StoredAssistantSecrets, StoredNumberNames
from sovereign.webhooks.deliverer import Deliverer
from sovereign.webhooks.delivery_store import DeliveryStore
from sovereign.webhooks.endpoints import EndpointStore
from sovereign.webhooks.facts import FactOrder
from sovereign.webhooks.frozen_bodies import FrozenBodies
from sovereign.webhooks.queue import DeliveryQueue
from sovereign.webhooks.rendering import FactRenderer
from sovereign.webhooks.sender import WebhookSender


class DeliveryEnvironment(Environment):
    """TABLE_NAME, DELIVERY_QUEUE_URL, DELIVERY_DEAD_LETTER_QUEUE_URL."""

    table_name: str
    delivery_queue_url: str
    delivery_dead_letter_queue_url: str | None = None


@cache
def deliverer() -> Deliverer:
    """Made once per process, at the first message."""
    environment = read_environment(DeliveryEnvironment)
    table, cipher = Table(environment.table_name), default_cipher()
    calls = CallStore(table, cipher=cipher)
    return Deliverer(
        calls=calls,
        renderer=FactRenderer(
            calls=calls,
            accounts=StoredAccountWebhooks(OrganizationStore(table), cipher),
            secrets=StoredAssistantSecrets(AssistantStore(table, cipher)),
            numbers=StoredNumberNames(NumberStore(table)),
            cipher=cipher,
        ),
        deliveries=DeliveryStore(table),
        order=FactOrder(table),
        endpoints=EndpointStore(table),
        bodies=FrozenBodies(table, cipher),
        sender=WebhookSender(),
        queue=DeliveryQueue(environment.delivery_queue_url, environment.delivery_dead_letter_queue_url),
    )
