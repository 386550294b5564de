"""Webhook signatures: the platform's own header and the Standard Webhooks headers, side by side."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

ROTATION_OVERLAP = timedelta(hours=24)
"""How long the secret before a rotation still signs beside the newest."""

_STANDARD_PREFIX = "whsec_"


@dataclass(frozen=True)
class SigningSecret:
    """A webhook secret with the one it replaced, if that was less than a rotation overlap ago."""

    newest: str
    previous: str | None = None
    rotated_at: datetime | None = None

    def active(self, now: datetime) -> tuple[str, ...]:
        """The secrets that sign at `now`, newest first."""
        if self.previous is None or self.rotated_at is None or now - self.rotated_at >= ROTATION_OVERLAP:
            return (self.newest,)
        return (self.newest, self.previous)

    def __repr__(self) -> str:
        return "SigningSecret(...)"


def signature_headers(
    body: bytes, *, event: str, webhook_id: str, timestamp: int, secrets: Sequence[str]
) -> dict[str, str]:
    """Headers that identify and sign `body`; `timestamp` in Unix seconds, `secrets` newest first, none = unsigned."""
    headers = {
        "X-Webhook-Event": event,
        "X-Webhook-Timestamp": str(timestamp),
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
    }
    if secrets:
        headers["X-Webhook-Signature"] = "sha256=" + own_signature(secrets[0], timestamp, body)
        headers["webhook-signature"] = " ".join(
            "v1," + standard_signature(secret, webhook_id, timestamp, body) for secret in secrets
        )
    return headers


def own_signature(secret: str, timestamp: int, body: bytes) -> str:
    """Hexadecimal HMAC-SHA256 over `<timestamp>.<body>`, keyed with the secret's text."""
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def standard_signature(secret: str, webhook_id: str, timestamp: int, body: bytes) -> str:
    """Base64 HMAC-SHA256 over `<id>.<timestamp>.<body>` as Standard Webhooks defines it."""
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.new(_standard_key(secret), signed, hashlib.sha256).digest()).decode()


def _standard_key(secret: str) -> bytes:
    """The key of a `whsec_<base64>` secret is what the base64 says; any other secret keys with its own text."""
    encoded = secret.removeprefix(_STANDARD_PREFIX)
    if encoded == secret:
        return secret.encode()
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return secret.encode()
