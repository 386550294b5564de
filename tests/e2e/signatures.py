"""Webhook signatures checked the way a customer would write it, from the published description alone."""

import base64
import hashlib
import hmac
from collections.abc import Mapping


def sovereign_signature_holds(headers: Mapping[str, str], raw: str, secret: str) -> bool:
    """`X-Webhook-Signature: sha256=<hex HMAC-SHA256(secret, timestamp.body)>`."""
    signed = f"{headers['x-webhook-timestamp']}.{raw}".encode()
    expected = "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, headers["x-webhook-signature"])


def standard_signature_holds(headers: Mapping[str, str], raw: str, secret: str) -> bool:
    """Standard Webhooks 1.0: `webhook-signature: v1,<base64 HMAC-SHA256(key, id.timestamp.body)>`, one of several."""
    encoded = secret.removeprefix("whsec_")
    key = base64.b64decode(encoded + "=" * (-len(encoded) % 4))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{raw}".encode()
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(expected, given) for given in headers["webhook-signature"].split())
