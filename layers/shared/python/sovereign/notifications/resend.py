"""Sending over Resend's REST API (https://resend.com/docs/api-reference/emails/send-email).

A repeated request with the same `Idempotency-Key` and body within 24 hours sends nothing and answers as the first did.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from sovereign.domains import ResendEnvironment
from sovereign.kernel import egress
from sovereign.kernel.clock import Clock, utc_now
from sovereign.kernel.settings import read_environment
from sovereign.notifications.mail import Mail
from sovereign.notifications.model import NotificationReason
from sovereign.webhooks.schedule import parse_retry_after

TIMEOUT_SECONDS = 12.0
MAX_ANSWER_BYTES = 64 * 1024

_AUTOMATIC = {"Auto-Submitted": "auto-generated"}
"""Keeps out-of-office replies from being sent to an address nobody reads."""
_QUOTAS = frozenset({"daily_quota_exceeded", "monthly_quota_exceeded"})
_TRY_AGAIN = frozenset({408, 425})


@dataclass(frozen=True)
class Sent:
    """Resend took it, under this id of its own."""

    email_id: str | None


@dataclass(frozen=True)
class Refused:
    """Resend will not take it, however often it is asked."""

    reason: NotificationReason
    status: int


@dataclass(frozen=True)
class TryAgain:
    """It may be taken later."""

    reason: NotificationReason
    retry_after: timedelta | None = None


Answer = Sent | Refused | TryAgain


class ResendMailer:
    """Sends mails; a client lives for one request."""

    def __init__(self, *, base_url: str | None = None, clock: Clock = utc_now) -> None:
        self._base = (base_url or read_environment(ResendEnvironment).resend_base_url).rstrip("/")
        self._clock = clock

    def send(self, mail: Mail, *, api_key: str, idempotency_key: str) -> Answer:
        """One request. Never raises for what Resend does; its own words are not kept: they may quote addresses."""
        headers = {"Authorization": f"Bearer {api_key}", "Idempotency-Key": idempotency_key}
        try:
            with (
                egress.client(timeout=TIMEOUT_SECONDS) as client,
                client.stream("POST", f"{self._base}/emails", json=_body(mail), headers=headers) as response,
            ):
                content = egress.read_capped(response, MAX_ANSWER_BYTES, seconds=TIMEOUT_SECONDS).content
                wait = parse_retry_after(response.headers.get("retry-after"), self._clock())
                return meaning_of(response.status_code, _members(content), wait)
        except (httpx.HTTPError, egress.EgressRefusedError):
            return TryAgain(NotificationReason.RESEND_UNAVAILABLE)


def _body(mail: Mail) -> dict[str, Any]:
    return {
        "from": mail.sender,
        "to": list(mail.recipients),
        "subject": mail.subject,
        "text": mail.text,
        "html": mail.html,
        "headers": _AUTOMATIC,
    }


def _members(content: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(content or b"{}")
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def meaning_of(status: int, answer: Mapping[str, Any], wait: timedelta | None) -> Answer:
    """What an answer says of the mail; `wait` is its `Retry-After`."""
    name = str(answer.get("name", "")).lower()
    if 200 <= status < 300:
        email_id = answer.get("id")
        return Sent(email_id[:64] if isinstance(email_id, str) else None)
    if status == 429:
        return TryAgain(NotificationReason.QUOTA_EXCEEDED if name in _QUOTAS else NotificationReason.RATE_LIMITED, wait)
    if status >= 500 or status in _TRY_AGAIN or name == "concurrent_idempotent_requests":
        return TryAgain(NotificationReason.RESEND_UNAVAILABLE, wait)
    if name == "invalid_idempotent_request":
        return Refused(NotificationReason.OUTCOME_UNKNOWN, status)
    if status == 401 or "api_key" in name:
        return Refused(NotificationReason.KEY_REFUSED, status)
    return Refused(NotificationReason.REFUSED_BY_RESEND, status)
