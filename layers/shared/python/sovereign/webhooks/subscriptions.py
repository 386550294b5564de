"""Which webhooks a call's events go to: the effective assistant's own, and the organization's account webhook."""

from collections.abc import Mapping
from typing import Any, Protocol

from sovereign.assistants import EffectiveAssistant
from sovereign.calls.model import CallRef
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.signing import SigningSecret
from sovereign.webhooks.targets import WebhookSettings


class AccountWebhooks(Protocol):
    """Where an organization's account webhook comes from."""

    def of(self, org_id: str) -> WebhookSettings | None:
        """The account webhook with its secret in the clear, None when there is none."""


def thawed(frozen: Mapping[str, Any], cipher: Cipher, call: CallRef) -> EffectiveAssistant | None:
    """The assistant a call ran with; None for a call that was refused before it had one."""
    if not frozen.get("document"):
        return None
    return EffectiveAssistant.thaw(frozen, cipher, org_id=call.org_id, call_id=call.call_id)


def webhook_of(assistant: EffectiveAssistant | None) -> WebhookSettings | None:
    """The assistant's own webhook, None when it has no URL."""
    if assistant is None or assistant.settings.webhook_url is None:
        return None
    settings = assistant.settings
    secret = SigningSecret(settings.webhook_secret) if settings.webhook_secret else None
    return WebhookSettings(str(settings.webhook_url), secret, settings.webhook_events)
