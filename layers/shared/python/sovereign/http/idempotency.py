"""Idempotency keys: one record a key, opened before the route runs and closed with its response.

Two table requests a request: opening is one conditional put (what stands in the way comes back with the refusal),
closing is one conditional write. A response too large for one item takes one more for each further part.
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
PART_BYTES = 380 * 1000
"""Of a compressed response in one item: an item is at most 400 KB, its keys and the other attributes included."""

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

    def writes_for_call(self, call_id: str) -> list[Write]:
        """Writes that tie the call to the record; place them in the transaction that creates the call's row."""
        return [] if self._record is None else [self._record.bind_call(call_id)]

    def release(self) -> None:
        """The call was certainly not placed: unless the response is one that is stored, the key may be used again."""
        if self._record is not None:
            self._record.released = True


class OpenRecord:
    """A record this request opened and has to close."""

    def __init__(self, table: Table, opening: Item) -> None:
        self._table = table
        self._ref = Ref(opening["pk"], opening["sk"])
        self._token = opening["token"]
        self._expires_at = opening["expires_at"]
        self._mine = present & Attr("token").eq(self._token)
        self.released = False

    def bind_call(self, call_id: str) -> Update:
        """The write that names the call the key stands for."""
        return Update(self._ref, set={"call_id": call_id}, condition=self._mine)

    def close(self, response: Response) -> None:
        """Keep the response if it is of a kind that is kept, else free the key; a key bound to a call stays bound."""
        try:
            if response.status_code in STORED_STATUSES:
                self._keep(response.status_code, zlib.compress(_without_secrets(bytes(response.body))))
            else:
                condition = self._mine if self.released else self._mine & Attr("call_id").not_exists()
                self._table.delete(Delete(self._ref, condition))
        except ConditionFailed:
            return  # bound to a call, or taken over after it was given up for dead: not ours to change

    def _keep(self, status: int, body: bytes) -> None:
        """The record first: once it has a status the route never runs again, whatever becomes of the further parts."""
        first, *further = [body[start : start + PART_BYTES] for start in range(0, len(body), PART_BYTES)]
        kept = {"status": status, "body": first, "further_parts": len(further)}
        self._table.update(Update(self._ref, set=kept, condition=self._mine))
        for ref, part in zip(_further_parts(self._ref, self._token, len(further)), further, strict=True):
            self._table.put(Put({**ref._asdict(), "body": part, "expires_at": self._expires_at}))


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
        opening = self._opening(ref, body_digest)
        try:
            self._table.put(opening)
        except ConditionFailed as failure:
            return self._answer_from(failure.old or {}, body_digest)
        return OpenRecord(self._table, opening.item)

    def _opening(self, ref: Ref, body_digest: str) -> Put:
        now = int(self._clock().timestamp())
        item = {**ref._asdict(), "body_digest": body_digest, "token": ids.new_id()}
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
            return Response(self._body_of(record), record["status"], headers, media_type="application/json")
        named: dict[str, Any] = {"call_id": record["call_id"]} if "call_id" in record else {}
        if record.get("open_until", 0) < self._clock().timestamp() and named:
            raise IdempotencyConflictError("the first request with this key placed this call and was cut off", **named)
        raise IdempotencyConflictError(
            "the first request with this key is still running", retry_after=_RETRY_AFTER, **named
        )

    def _body_of(self, record: Item) -> bytes:
        refs = _further_parts(Ref(record["pk"], record["sk"]), record["token"], int(record.get("further_parts", 0)))
        found = self._table.get_many(refs, consistent=True)
        if len(found) < len(refs):  # not written yet, or never: what was done stays done
            raise IdempotencyConflictError(
                "the first request with this key was carried out, and its response is not stored yet",
                retry_after=_RETRY_AFTER,
            )
        return zlib.decompress(record["body"] + b"".join(found[ref]["body"] for ref in refs))

    def _digest(self, *parts: str) -> str:
        return hmac.new(self._secret, "\n".join(parts).encode(), hashlib.sha256).hexdigest()


def _further_parts(record: Ref, token: str, count: int) -> list[Ref]:
    """Where the parts of a response are that its record has no room for; `token` tells them from an older one's."""
    return [Ref(record.pk, f"{record.sk}#{token}#{number}") for number in range(1, count + 1)]


def _without_secrets(body: bytes) -> bytes:
    if not body:
        return body
    return json.dumps(without_secrets(json.loads(body)), ensure_ascii=False, separators=(",", ":")).encode()
