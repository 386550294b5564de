"""Bodies frozen at the first attempt: encrypted items of their own beside the call, so that erasing finds them."""

import base64
import zlib
from collections.abc import Iterator, Sequence

from sovereign.calls import keys
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.table import ConditionFailed, Delete, Item, Put, Ref, Table, absent
from sovereign.webhooks.delivery import Delivery, DeliveryRef

BODY_PREFIX = "BODY#"
PART_CHARACTERS = 300_000
"""A part of an encrypted body: under the 400 KB an item may have."""


class FrozenBodies:
    """The frozen body of a delivery; written once, the same for every attempt."""

    def __init__(self, table: Table, cipher: Cipher) -> None:
        self._table = table
        self._cipher = cipher

    def freeze(self, delivery: Delivery, body: bytes) -> bytes:
        """Keep `body`, or return the one that was frozen before."""
        packed = base64.b64encode(zlib.compress(body)).decode()
        token = self._cipher.encrypt(packed, org_id=delivery.ref.org_id, resource=_resource(delivery.ref))
        parts = [token[i : i + PART_CHARACTERS] for i in range(0, len(token), PART_CHARACTERS)]
        try:
            self._table.transact([self._put(delivery, number, parts) for number in range(len(parts))])
        except ConditionFailed:
            frozen = self.load(delivery)
            return body if frozen is None else frozen
        return body

    def load(self, delivery: Delivery) -> bytes | None:
        """The frozen body, None before the first attempt and after it was erased."""
        parts = list(self._parts(delivery))
        if not parts:
            return None
        token = "".join(str(item["part"]) for item in parts[: parts[0]["parts"]])
        packed = self._cipher.decrypt(token, org_id=delivery.ref.org_id, resource=_resource(delivery.ref))
        return zlib.decompress(base64.b64decode(packed))

    def erase(self, delivery: Delivery) -> None:
        """Remove the body for good."""
        for item in self._parts(delivery):
            self._table.delete(Delete(Ref(item["pk"], item["sk"])))

    def _put(self, delivery: Delivery, number: int, parts: Sequence[str]) -> Put:
        pk, sk = _part_ref(delivery, number)
        item = {"pk": pk, "sk": sk, "part": parts[number], "parts": len(parts)}
        return Put(item, absent if number == 0 else None)

    def _parts(self, delivery: Delivery) -> Iterator[Item]:
        pk, sk = _part_ref(delivery, 0)
        return self._table.query(pk, begins_with=sk.rsplit("#", 1)[0] + "#", consistent=True)


def _resource(ref: DeliveryRef) -> str:
    return f"webhook_delivery/{ref.delivery_id}"


def _part_ref(delivery: Delivery, number: int) -> Ref:
    pk = keys.own_key(delivery.ref.org_id, delivery.call_id)
    return Ref(pk, f"{BODY_PREFIX}{delivery.sequence:06d}#{number:02d}")
