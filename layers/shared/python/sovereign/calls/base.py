"""What every part of the call store stands on: the table, the clock, and one optimistic change of a call's row."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from sovereign.calls import keys
from sovereign.calls.errors import CallNotFoundError
from sovereign.calls.events import CallFact
from sovereign.calls.items import call_from_item, row_update
from sovereign.calls.model import Call, CallRef
from sovereign.kernel.clock import Clock, utc_now
from sovereign.kernel.encryption import default_cipher
from sovereign.kernel.errors import UnavailableError
from sovereign.kernel.table import ConditionFailed, Item, Table, Write

__all__ = ["CallTable", "Change", "ContentCipher"]

_ATTEMPTS = 8
_REMEMBERED = 2000


class ContentCipher(Protocol):
    """Encrypts text under a data key bound to an organization and a resource (`sovereign.kernel.encryption.Cipher`)."""

    def encrypt(self, text: str, *, org_id: str, resource: str) -> str:
        """The text as a token."""

    def decrypt(self, token: str, *, org_id: str, resource: str) -> str:
        """The text of a token."""


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


class CallTable:
    """The calls of a stage. Moments come from `clock`; `cipher`, by default the process's own, serves gdpr_mode."""

    def __init__(self, table: Table, clock: Clock = utc_now, *, cipher: ContentCipher | None = None) -> None:
        self._table = table
        self._clock = clock
        self._given_cipher = cipher
        self._privacy: dict[CallRef, bool] = {}

    def get_row(self, ref: CallRef) -> Call:
        """The call as its row has it, without messages, summary and analysis. Raises CallNotFoundError."""
        item = self._table.get(keys.row_ref(ref), consistent=True)
        return self._known_row(item)

    @property
    def _cipher(self) -> ContentCipher:
        return self._given_cipher or default_cipher()

    def _known_row(self, item: Item | None) -> Call:
        if item is None:
            raise CallNotFoundError
        call = call_from_item(item)
        self._remember_privacy(call)
        return call

    def _remember_privacy(self, call: Call) -> None:
        if len(self._privacy) >= _REMEMBERED:
            self._privacy.clear()
        self._privacy[call.ref] = call.private

    def _is_private(self, ref: CallRef) -> bool:
        """Whether content must be kept out of the rows; asked of the row once, whoever made the reference."""
        known = self._privacy.get(ref)
        return self.get_row(ref).private if known is None else known

    def _advance(self, ref: CallRef, step: Callable[[Call], Change | None]) -> bool:
        """Apply a step to the row as it is; a rival's change makes the step look again. False when it declines."""
        call = self.get_row(ref)
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
                call = self._known_row(failure.old)
        raise UnavailableError("the call is busy", retry_after=1)
