"""What a call in the hands of this process does to its row."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from media.end_of_call import EndRows
from sovereign.calls.model import Call, CallRef, NewCall
from sovereign.kernel.table import Write


class CallRows(EndRows, Protocol):
    """What is used of `sovereign.calls.store.CallStore`; every method blocks."""

    def create(
        self,
        new: NewCall,
        *,
        frozen_assistant: Mapping[str, Any] | None,
        node_id: str | None,
        extra_writes: Sequence[Write] = (),
    ) -> Call:
        """Start a call."""

    def find(self, org_id: str, call_id: str) -> CallRef | None:
        """Where a call lies."""

    def load_whole(self, ref: CallRef) -> Call:
        """A call with what is encrypted of it."""

    def claim_dial(self, ref: CallRef, node_id: str) -> bool:
        """Win the right to ring."""

    def mark_ringing(self, ref: CallRef) -> bool:
        """The far end rings."""

    def mark_answered(self, ref: CallRef, *, byok: frozenset[str]) -> bool:
        """The call is up; False when it is not to be: its row is past that."""

    def set_assistant(
        self,
        ref: CallRef,
        frozen_assistant: Mapping[str, Any],
        *,
        agent_id: str | None,
        agent_name: str | None,
        business_name: str | None,
        metadata: Mapping[str, Any] | None,
        private: bool,
    ) -> bool:
        """Freeze another assistant."""
