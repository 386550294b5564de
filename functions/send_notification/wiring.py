"""The notifier of this process."""

from functools import cache

from sovereign.calls.store import CallStore
from sovereign.domains import DomainService, DomainStore
from sovereign.kernel.encryption import default_cipher
from sovereign.kernel.settings import Environment, read_environment
from sovereign.kernel.table import Table
from sovereign.notifications.notifier import Notifier
from sovereign.notifications.queue import NotificationQueue
from sovereign.notifications.resend import ResendMailer
from sovereign.notifications.store import NotificationStore
from sovereign.provider_keys import KeyRing


class NotificationEnvironment(Environment):
    """TABLE_NAME, NOTIFICATION_QUEUE_URL, NOTIFICATION_DEAD_LETTER_QUEUE_URL; others read their own."""

    table_name: str
    notification_queue_url: str
    notification_dead_letter_queue_url: str | None = None


@cache
def notifier() -> Notifier:
    """Made once per process, at the first message."""
    environment = read_environment(NotificationEnvironment)
    table, cipher = Table(environment.table_name), default_cipher()
    return Notifier(
        calls=CallStore(table, cipher=cipher),
        store=NotificationStore(table),
        senders=DomainService(DomainStore(table), KeyRing.from_environment()),
        mailer=ResendMailer(),
        queue=NotificationQueue(environment.notification_queue_url, environment.notification_dead_letter_queue_url),
        cipher=cipher,
    )
