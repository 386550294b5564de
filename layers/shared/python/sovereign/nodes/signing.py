"""Signatures of requests to media nodes (docs/architecture.md, Control)."""

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sovereign.kernel import ids

__all__ = ["ALLOWED_SKEW", "ReplayCache", "SignatureRefusedError", "SignedRequest", "sign", "verify"]

ALLOWED_SKEW = timedelta(seconds=30)
"""How far a request's timestamp may be from the verifier's clock, either way."""

_SKEW_SECONDS = ALLOWED_SKEW.total_seconds()
_PREFIX = "X-Sovereign-"


class SignatureRefusedError(Exception):
    """The request is not to be trusted (401). The reason is for the log, never for the sender."""


@dataclass(frozen=True)
class SignedRequest:
    """What a signature covers. `path` is the path alone, without query; `body` the raw bytes."""

    method: str
    path: str
    body: bytes
    node_id: str
    call_id: str
    org_id: str

    def signature(self, secret: str, timestamp: str, nonce: str) -> str:
        """Hexadecimal HMAC-SHA256 over all members, one a line."""
        lines = (
            self.method.upper(),
            self.path,
            hashlib.sha256(self.body).hexdigest(),
            self.node_id,
            self.call_id,
            self.org_id,
            timestamp,
            nonce,
        )
        return hmac.new(secret.encode(), _bytes("\n".join(lines)), hashlib.sha256).hexdigest()


class ReplayCache:
    """Nonces seen within the allowed skew; one per process, used from one thread. It forgets what has expired."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, datetime] = OrderedDict()

    def is_new(self, nonce: str, now: datetime) -> bool:
        """Remember a nonce; False when it was seen before."""
        while self._seen and next(iter(self._seen.values())) < now:
            self._seen.popitem(last=False)
        if nonce in self._seen:
            return False
        # a timestamp may lie ahead by the skew and is accepted until the skew behind it
        self._seen[nonce] = now + 2 * ALLOWED_SKEW
        return True


def sign(secret: str, request: SignedRequest, now: datetime) -> dict[str, str]:
    """The headers to send with a request."""
    timestamp, nonce = str(int(now.timestamp())), ids.new_id()
    return {
        f"{_PREFIX}Node": request.node_id,
        f"{_PREFIX}Call": request.call_id,
        f"{_PREFIX}Organization": request.org_id,
        f"{_PREFIX}Timestamp": timestamp,
        f"{_PREFIX}Nonce": nonce,
        f"{_PREFIX}Signature": request.signature(secret, timestamp, nonce),
    }


def verify(
    secret: str,
    *,
    method: str,
    path: str,
    body: bytes,
    headers: Mapping[str, str],
    node_id: str,
    now: datetime,
    seen: ReplayCache,
) -> SignedRequest:
    """Check a request that reached node `node_id` and return what was signed.

    The caller compares `call_id` and `org_id` with the path and the body. Header names are taken in any case.
    Raises SignatureRefusedError for a missing header, a wrong signature, another node, a skew over 30 s or a replay.
    """
    lowered = {name.lower(): value for name, value in headers.items()}

    def header(name: str) -> str:
        return lowered.get(f"{_PREFIX}{name}".lower(), "")

    request = SignedRequest(method, path, body, header("Node"), header("Call"), header("Organization"))
    timestamp, nonce = header("Timestamp"), header("Nonce")
    expected = request.signature(secret, timestamp, nonce)
    if not hmac.compare_digest(_bytes(expected), _bytes(header("Signature"))):
        raise SignatureRefusedError("signature does not match")
    if request.node_id != node_id:
        raise SignatureRefusedError("signed for another node")
    if not (timestamp.isascii() and timestamp.isdigit()) or abs(now.timestamp() - int(timestamp)) > _SKEW_SECONDS:
        raise SignatureRefusedError("timestamp is too far off")
    if not nonce or not seen.is_new(nonce, now):
        raise SignatureRefusedError("nonce was seen before")
    return request


def _bytes(text: str) -> bytes:
    # a server may hand over undecodable header bytes as surrogates: they must fail the comparison, not the encoder
    return text.encode("utf-8", "surrogateescape")
