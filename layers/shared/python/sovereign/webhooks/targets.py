"""Where an event goes: a tool's own URL, else the assistant's webhook, else the organization's account webhook."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from sovereign.kernel.signing import SigningSecret


class WebhookEvent(StrEnum):
    """The events a webhook can subscribe to, by their wire names."""

    ASSISTANT_REQUEST = "assistant-request"
    TOOL_CALLS = "tool-calls"
    STATUS_UPDATE = "status-update"
    END_OF_CALL_REPORT = "end-of-call-report"


WebhookEventName = Literal["assistant-request", "tool-calls", "status-update", "end-of-call-report"]
"""The same as a type of configurations, whose lists hold plain text."""


@dataclass(frozen=True)
class WebhookSettings:
    """One level's webhook: `events` None subscribes to all, no `secret` sends unsigned."""

    url: str
    secret: SigningSecret | None = None
    events: Collection[str] | None = None

    def wants(self, event: WebhookEvent) -> bool:
        """Whether this level subscribes to the event."""
        return self.events is None or event.value in self.events


@dataclass(frozen=True)
class WebhookTarget:
    """Where one request goes and what signs it."""

    url: str
    secret: SigningSecret | None = None


def choose_target(
    event: WebhookEvent,
    *,
    assistant: WebhookSettings | None = None,
    account: WebhookSettings | None = None,
    tool: WebhookTarget | None = None,
) -> WebhookTarget | None:
    """The target of an event, None when nobody is to be told.

    The most specific level that has a URL is the chosen one; only its own event list is asked, so an assistant's
    webhook that leaves an event out silences the account webhook too. A tool's URL receives its own tool calls only.
    """
    if tool is not None and event is WebhookEvent.TOOL_CALLS:
        return tool
    chosen = assistant or account
    if chosen is None or not chosen.wants(event):
        return None
    return WebhookTarget(chosen.url, chosen.secret)
