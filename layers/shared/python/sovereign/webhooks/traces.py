"""What webhooks keep of a call beyond the call itself: frozen bodies, answers and records of deliveries."""

from collections.abc import Iterator

from sovereign.calls import keys
from sovereign.calls.model import CallRef
from sovereign.kernel.table import Delete, Ref, Table
from sovereign.webhooks import delivery_items as items
from sovereign.webhooks.delivery import DeliveryRef
from sovereign.webhooks.delivery_store import DeliveryStore
from sovereign.webhooks.frozen_bodies import BODY_PREFIX


class WebhookTraces:
    """Erases them, for retention. Everything may be repeated."""

    def __init__(self, table: Table, deliveries: DeliveryStore) -> None:
        self._table = table
        self._deliveries = deliveries

    def erase_content(self, call: CallRef) -> None:
        """Erase bodies and answers; the records stay, and can no longer be replayed."""
        for item in self._table.query(
            keys.own_key(call.org_id, call.call_id), begins_with=BODY_PREFIX, consistent=True
        ):
            self._table.delete(Delete(Ref(item["pk"], item["sk"])))
        for ref in self._deliveries_of(call):
            self._deliveries.mark_body_erased(ref)

    def erase_records(self, call: CallRef) -> None:
        """Erase the records too."""
        self.erase_content(call)
        for ref in self._deliveries_of(call):
            self._table.delete(Delete(items.table_ref(ref)))

    def _deliveries_of(self, call: CallRef) -> Iterator[DeliveryRef]:
        for key in self._table.query(items.call_index(call.org_id, call.call_id), index="gsi1"):
            yield DeliveryRef(call.org_id, key["sk"])
