"""Idempotency keys: one record a key, opened before the route runs and closed with its response.

Two table requests a request: opening is one conditional put (what stands in the way comes back with the refusal),
closing is one conditional write.
"""

import hashlib
import hmac
import json
import re
import zlib
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from sovereign.kernel import ids
from sovereign.kernel.clock import Clock, utc_now
from sovereign.kernel.errors import ConflictError, InvalidRequestError
from sovereign.kernel.masking import without_secrets
from sovereign.kernel.table import (
    Attr,
    ConditionFailed,
    Delete,
    Item,
    Put,
    Ref,
    Table,
    Update,
    Write,
    absent,
    present,
)

KEEP_SECONDS = 24 * 3600
"""How long a stored response is replayed (spec: Idempotency)."""
IN_FLIGHT_SECONDS = 60
"""After this long an open record belongs to a request that died: every function ends within 29 seconds."""
STORED_STATUSES = frozenset({*range(200, 300), 400, 402, 404, 409})

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_RETRY_AFTER = 2


class IdempotencyConflictError(ConflictError):
    """The key was used with another body, or its first request is still running or was cut off (409)."""

    code = "idempotency_conflict"


@dataclass(frozen=True)
class Scope:
    """What a key is unique within, and the body it was first used with."""

    org_id: str
    method: str
    path: str
    key: str
    body: bytes


class Idempotency:
    """A route's handle on its record; without an `Idempotency-Key` header every method does nothing."""

    def __init__(self, record: "OpenRecord | None" = None) -> None:
        self._record = record

    @property
    def active(self) -> bool:
        """Whether the client sent a key."""
        return self._record is not None

    def begin(self) -> None:
        """Says in a route that it is idempotent; the record is open before any route runs, so nothing is left to do."""

    def writes_for_call(self, call_id: str) -> list[Write]:
        """Writes that tie the call to the record; place them in the transaction that creates the call's row."""
        return [] if self._record is None else [self._record.bind_call(call_id)]

    def release(self) -> None:
        """The call was certainly not placed: unless the response is one that is stored, the key may be used again."""
        if self._record is not None:
            self._record.released = True


class OpenRecord:
    """A record this request opened and has to close."""

    def __init__(self, table: Table, ref: Ref, token: str) -> None:
        self._table = table
        self._ref = ref
        self._mine = present & Attr("token").eq(token)
        self.released = False

    def bind_call(self, call_id: str) -> Update:
        """The write that names the call the key stands for."""
        return Update(self._ref, set={"call_id": call_id}, condition=self._mine)

    def close(self, response: Response) -> None:
        """Keep the response if it is of a kind that is kept, else free the key; a key bound to a call stays bound."""
        try:
            if response.status_code in STORED_STATUSES:
                kept = {"status": response.status_code, "body": zlib.compress(_without_secrets(bytes(response.body)))}
                self._table.update(Update(self._ref, set=kept, condition=self._mine))
            else:
                condition = self._mine if self.released else self._mine & Attr("call_id").not_exists()
                self._table.delete(Delete(self._ref, condition))
        except ConditionFailed:
            return  # bound to a call, or taken over after it was given up for dead: not ours to change


class IdempotencyRecords:
    """Opens records in the table; `secret` keys the HMACs of scope and body, so that neither can be guessed back."""

    def __init__(self, table: Table, secret: str, clock: Clock = utc_now) -> None:
        self._table = table
        self._secret = secret.encode()
        self._clock = clock

    def open(self, scope: Scope) -> OpenRecord | Response:
        """A record to close, or the stored response to send instead. Raises IdempotencyConflictError."""
        if not _KEY.fullmatch(scope.key):
            details = ["Idempotency-Key: must be 1-255 visible ASCII characters"]
            raise InvalidRequestError("The request is not valid; see details.", details=details)
        ref = Ref(f"ORG#{scope.org_id}#IDEMPOTENCY", self._digest(scope.method, scope.path, scope.key))
        body_digest = self._digest(hashlib.sha256(scope.body).hexdigest())
        token = ids.new_id()
        try:
            self._table.put(self._opening(ref, body_digest, token))
        except ConditionFailed as failure:
            return self._answer_from(failure.old or {}, body_digest)
        return OpenRecord(self._table, ref, token)

    def _opening(self, ref: Ref, body_digest: str, token: str) -> Put:
        now = int(self._clock().timestamp())
        item = {**ref._asdict(), "body_digest": body_digest, "token": token}
        item |= {"open_until": now + IN_FLIGHT_SECONDS, "expires_at": now + KEEP_SECONDS}
        abandoned = (
            Attr("status").not_exists()
            & Attr("call_id").not_exists()
            & Attr("open_until").lt(now)
            & Attr("body_digest").eq(body_digest)
        )
        return Put(item, absent | Attr("expires_at").lte(now) | abandoned)

    def _answer_from(self, record: Item, body_digest: str) -> Response:
        if record.get("body_digest") != body_digest:
            raise IdempotencyConflictError("this Idempotency-Key was used with another body")
        if "status" in record:
            headers = {"Idempotent-Replayed": "true"}
            body = zlib.decompress(record["body"])
            return Response(body, record["status"], headers, media_type="application/json")
        named: dict[str, Any] = {"call_id": record["call_id"]} if "call_id" in record else {}
        if record.get("open_until", 0) < self._clock().timestamp() and named:
            raise IdempotencyConflictError("the first request with this key placed this call and was cut off", **named)
        raise IdempotencyConflictError(
            "the first request with this key is still running", retry_after=_RETRY_AFTER, **named
        )

    def _digest(self, *parts: str) -> str:
        return hmac.new(self._secret, "\n".join(parts).encode(), hashlib.sha256).hexdigest()


def _without_secrets(body: bytes) -> bytes:
    if not body:
        return body
    return json.dumps(without_secrets(json.loads(body)), ensure_ascii=False, separators=(",", ":")).encode()
