"""What is erased of a call once its retention period is over. The row's times and billing stay."""

from datetime import datetime

from sovereign.calls import keys
from sovereign.calls.items import call_from_item
from sovereign.calls.model import Call, CallRef
from sovereign.calls.private import PrivateContent
from sovereign.calls.rows import CallRows, Change, delete_items
from sovereign.kernel import numbered_rows
from sovereign.kernel.numbered_rows import TimeRange, number_text
from sovereign.kernel.table import Ref, Table

__all__ = ["CallErasure"]

_BATCH = 100


class CallErasure:
    """Erases for retention. Everything may be repeated; running calls are left alone."""

    def __init__(self, table: Table, rows: CallRows, private: PrivateContent) -> None:
        self._table = table
        self._rows = rows
        self._private = private

    def refs_made_before(self, org_id: str, cutoff: datetime, *, after_number: int = 0) -> list[CallRef]:
        """Up to 100 calls made until `cutoff` with a number above `after_number`, oldest first; two requests."""
        pk = keys.rows_key(org_id)
        made = numbered_rows.read_range(self._table, pk, TimeRange(None, cutoff)).numbers
        numbers = range(after_number + 1, min(made.high, after_number + _BATCH) + 1)
        found = self._table.get_many([Ref(pk, number_text(number)) for number in numbers])
        return sorted((call_from_item(item).ref for item in found.values()), key=lambda ref: ref.number)

    def erase_content(self, ref: CallRef) -> None:
        """Erase transcript, summary and analysis, and forget the recording, whose objects are erased before."""
        number = number_text(ref.number)
        content = self._table.query(keys.rows_key(ref.org_id), begins_with=f"{number}#", consistent=True)
        delete_items(self._table, content)
        self._private.erase(ref)

        def step(call: Call) -> Change | None:
            recorded = call.is_over and call.recording in ("late", "stored")
            return Change({"recording": "erased"}) if recorded else None

        self._rows.advance(ref, step)

    def erase_metadata(self, ref: CallRef) -> None:
        """Erase the person's number, the customer's own metadata, what the call ran with, its lead, and the facts."""
        pk = keys.own_key(ref.org_id, ref.call_id)
        erased = {"ASSISTANT", keys.FROZEN_WORKFLOW, keys.CAMPAIGN_LINK}
        held = self._table.query(pk, consistent=True)
        delete_items(self._table, (item for item in held if item["sk"] in erased or "fact" in item))

        def step(call: Call) -> Change | None:
            held = call.caller_phone or call.metadata or call.transfer
            erased = {"caller_phone": None, "metadata": None, "transfer": None}
            return Change(erased) if call.is_over and held else None

        self._rows.advance(ref, step)
