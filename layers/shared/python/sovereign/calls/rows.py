"""What every part of the call store works with: a call's row, found, read and changed under its version."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sovereign.calls import keys
from sovereign.calls.errors import CallNotFoundError
from sovereign.calls.events import CallFact
from sovereign.calls.items import call_from_item, row_update
from sovereign.calls.model import Call, CallRef
from sovereign.kernel.clock import Clock, utc_now
from sovereign.kernel.errors import UnavailableError
from sovereign.kernel.table import ConditionFailed, Delete, Item, Ref, Table, Write

__all__ = ["CallRows", "Change", "delete_items"]

_ATTEMPTS: Final = 8
_REMEMBERED: Final = 2000
_DELETED_AT_ONCE: Final = 100


@dataclass(frozen=True)
class Change:
    """What a step makes of a call: members of `Call` to replace, the fact it is, and writes that belong to it."""

    replace: Mapping[str, Any]
    fact: str | None = None
    set_also: Mapping[str, Any] = field(default_factory=dict)
    remove: Sequence[str] = ()
    writes: Sequence[Write] = ()

    def all_writes(self, before: Call, now: datetime) -> list[Write]:
        """The whole transaction; the row's write, which carries the condition on its version, comes first."""
        counted: dict[str, Any] = {"version": before.version + 1, "updated_at": now}
        if self.fact:
            counted["sequence"] = before.sequence + 1
        after = replace(before, **counted, **self.replace)
        row = row_update(before, after, set_also=self.set_also, remove=self.remove)
        fact = [CallFact(self.fact, after, now).write()] if self.fact else []
        return [row, *fact, *self.writes]


class CallRows:
    """The rows of a stage's calls. Moments come from `clock`."""

    def __init__(self, table: Table, clock: Clock = utc_now) -> None:
        self._table = table
        self._clock = clock
        self._privacy: dict[CallRef, bool] = {}

    def find(self, org_id: str, call_id: str) -> CallRef | None:
        """Where the organization's call with this id lies; None when it has none. One request."""
        item = self._table.get(keys.lookup_ref(org_id, call_id), consistent=True)
        return CallRef(org_id, call_id, item["number"]) if item else None

    def get(self, ref: CallRef) -> Call:
        """The call as its row has it, without messages, summary and analysis. Raises CallNotFoundError."""
        item = self._table.get(keys.row_ref(ref), consistent=True)
        return self.known(item)

    def known(self, item: Item | None) -> Call:
        """The call of a row that was read along with something else. Raises CallNotFoundError for None."""
        if item is None:
            raise CallNotFoundError
        call = call_from_item(item)
        self.remember_privacy(call)
        return call

    def is_private(self, ref: CallRef) -> bool:
        """Whether content must be kept out of the rows; asked of the row once, whoever made the reference."""
        known = self._privacy.get(ref)
        return self.get(ref).private if known is None else known

    def remember_privacy(self, call: Call) -> None:
        """Spare `is_private` its request for this call."""
        if len(self._privacy) >= _REMEMBERED:
            self._privacy.clear()
        self._privacy[call.ref] = call.private

    def forget_privacy(self, ref: CallRef) -> None:
        """Have `is_private` ask the row again, which may have become private."""
        self._privacy.pop(ref, None)

    def advance(self, ref: CallRef, step: Callable[[Call], Change | None]) -> bool:
        """Apply a step to the row as it is; a rival's change makes the step look again. False when it declines."""
        call = self.get(ref)
        for _ in range(_ATTEMPTS):
            change = step(call)
            if change is None:
                return False
            try:
                self._table.transact(change.all_writes(call, self._clock()))
                return True
            except ConditionFailed as failure:
                if failure.index != 0:
                    raise
                call = self.known(failure.old)
        raise UnavailableError("the call is busy", retry_after=1)


def delete_items(table: Table, items: Iterable[Item]) -> None:
    """Delete what was read of a call, a hundred items in a transaction."""
    refs = [Ref(item["pk"], item["sk"]) for item in items]
    for start in range(0, len(refs), _DELETED_AT_ONCE):
        table.transact([Delete(ref) for ref in refs[start : start + _DELETED_AT_ONCE]])
