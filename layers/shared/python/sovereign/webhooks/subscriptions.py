"""Which webhooks a call's events go to: the effective assistant's own, and the organization's account webhook."""

from collections.abc import Mapping
from dataclasses import replace
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


class AssistantSecrets(Protocol):
    """How saved assistants sign now."""

    def of(self, org_id: str, assistant_id: str) -> SigningSecret | None:
        """The saved assistant's secret with the one it replaced; None when it has none or is gone."""


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
    return WebhookSettings(str(settings.webhook_url), signing_secret(assistant), settings.webhook_events)


def signed_as_now(
    webhook: WebhookSettings, assistant: EffectiveAssistant, call: CallRef, saved: AssistantSecrets
) -> WebhookSettings:
    """The webhook of a call that began before its assistant's secret was replaced, signed with both from then on."""
    if webhook.secret is None or assistant.assistant_id is None:
        return webhook
    current = saved.of(call.org_id, assistant.assistant_id)
    if current is None or current.previous != webhook.secret.newest:
        return webhook
    return replace(webhook, secret=current)


def signing_secret(assistant: EffectiveAssistant) -> SigningSecret | None:
    """What signs the assistant's events, None when they are unsigned."""
    newest, replaced = assistant.settings.webhook_secret, assistant.replaced_webhook_secret
    if newest is None:
        return None
    return SigningSecret(newest, replaced.secret, replaced.at) if replaced else SigningSecret(newest)
