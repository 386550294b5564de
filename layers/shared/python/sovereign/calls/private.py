"""What is kept of a gdpr_mode call's content: encrypted, in the call's own partition, from where it is erased once the
report is delivered or given up."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, Protocol

from sovereign.calls import keys
from sovereign.calls.items import from_json, to_json
from sovereign.calls.model import Call, CallRef, Message
from sovereign.calls.rows import delete_items
from sovereign.kernel.clock import Clock, utc_now
from sovereign.kernel.encryption import default_cipher
from sovereign.kernel.table import Item, Put, Table, Write

__all__ = ["ContentCipher", "PrivateContent"]

_LIFE: Final = timedelta(days=7)
"""A last resort: encrypted content goes after this even when nobody erased it (retries of a report end after 28 h)."""


class ContentCipher(Protocol):
    """Encrypts text under a data key bound to an organization and a resource (`sovereign.kernel.encryption.Cipher`)."""

    def encrypt(self, text: str, *, org_id: str, resource: str) -> str:
        """The text as a token."""

    def decrypt(self, token: str, *, org_id: str, resource: str) -> str:
        """The text of a token."""


class PrivateContent:
    """The encrypted content of a stage's gdpr_mode calls; `cipher` is by default the process's own."""

    def __init__(self, table: Table, clock: Clock = utc_now, *, cipher: ContentCipher | None = None) -> None:
        self._table = table
        self._clock = clock
        self._given_cipher = cipher

    def messages_write(self, ref: CallRef, batch_no: int, part: int, text: str) -> Put:
        """The write of a part of a batch of the transcript, given as JSON."""
        return self._write(ref, f"M#{batch_no:06d}#{part:02d}", {"messages": text})

    def summary_write(self, ref: CallRef, content: Mapping[str, Any]) -> Put:
        """The write of summary and analysis."""
        return self._write(ref, "S", content)

    def numbers_write(self, ref: CallRef, caller_phone: str | None, assistant_phone: str | None) -> Put:
        """The write of the numbers, which the row goes without."""
        return self._write(ref, "N", {"caller_phone": caller_phone, "assistant_phone": assistant_phone})

    def transfer_writes(self, call: Call, transfer: Mapping[str, Any] | None) -> list[Write]:
        """Where the call is private: whom its caller was to be handed over to, for its report."""
        return [self._write(call.ref, "T", {"transfer": transfer})] if transfer and call.private else []

    def with_content(self, call: Call) -> Call:
        """The call with what is encrypted of it; what is erased already stays None."""
        content: dict[str, Any] = {}
        messages: list[Message] = []
        pk = keys.own_key(call.ref.org_id, call.ref.call_id)
        for item in self._table.query(pk, begins_with=keys.private_prefix(), consistent=True):
            opened = self._opened(call.ref, item)
            messages += [Message(*entry) for entry in from_json(opened.pop("messages", "[]"))]
            content |= opened
        analysis = from_json(content.pop("analysis_result", None))
        return replace(call, **content, analysis_result=analysis, messages=messages or None)

    def erase(self, ref: CallRef) -> None:
        """Erase it all: the call's report is delivered or given up. Nothing happens when there is none."""
        pk = keys.own_key(ref.org_id, ref.call_id)
        delete_items(self._table, self._table.query(pk, begins_with=keys.private_prefix(), consistent=True))

    @property
    def _cipher(self) -> ContentCipher:
        return self._given_cipher or default_cipher()

    def _write(self, ref: CallRef, kind: str, content: Mapping[str, Any]) -> Put:
        token = self._cipher.encrypt(to_json(content), org_id=ref.org_id, resource=_resource(ref))
        pk, sk = keys.private_ref(ref, kind)
        expires_at = int((self._clock() + _LIFE).timestamp())
        return Put({"pk": pk, "sk": sk, "content": token, "expires_at": expires_at})

    def _opened(self, ref: CallRef, item: Item) -> dict[str, Any]:
        opened: dict[str, Any] = from_json(
            self._cipher.decrypt(item["content"], org_id=ref.org_id, resource=_resource(ref))
        )
        return opened


def _resource(ref: CallRef) -> str:
    return f"call/{ref.call_id}"
