"""What was said in a call and what was made of it.

It lies right behind the call's row; for gdpr_mode calls encrypted in the call's own partition, from where it is erased
once the report is delivered or given up.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from sovereign.calls import keys
from sovereign.calls.base import CallTable, Change
from sovereign.calls.errors import CallNotFoundError
from sovereign.calls.items import call_with_content, from_json, json_bytes, to_json
from sovereign.calls.model import Call, CallRef, Message
from sovereign.kernel.numbered_rows import number_text
from sovereign.kernel.table import Delete, Item, Put, Ref, Write

__all__ = ["CallContent"]

MESSAGES_BYTES: Final = 90_000
"""Most bytes of messages in one item: encrypted and encoded it stays well under an item's 400 KB."""

_FIRST_BATCH: Final = f"{0:06d}"
_DELETED_AT_ONCE: Final = 100
_PRIVATE_LIFE: Final = timedelta(days=7)
"""A last resort: encrypted content goes after this even when nobody erased it (retries of a report end after 28 h)."""


class CallContent(CallTable):
    """The part of the call store that keeps transcripts, summaries and analyses."""

    def append_messages(self, ref: CallRef, batch_no: int, messages: Sequence[Message]) -> None:
        """Store a batch of the transcript; `batch_no` counts from 0 and storing one again overwrites it (a retry)."""
        private = self._is_private(ref)
        for part, text in enumerate(_parts(messages)):
            target = _private_messages_ref(ref, batch_no, part) if private else keys.message_ref(ref, batch_no, part)
            self._table.put(self._content_write(ref, target, {"messages": text}, private=private))

    def replace_messages(self, ref: CallRef, messages: Sequence[Message]) -> None:
        """Store another transcript in place of the one there is; not for gdpr_mode calls, which have no recording."""
        parts = {keys.message_ref(ref, 0, part): text for part, text in enumerate(_parts(messages))}
        for target, text in parts.items():
            self._table.put(self._content_write(ref, target, {"messages": text}, private=False))
        first = keys.message_ref(ref, 0)
        prefix = first.sk.removesuffix(_FIRST_BATCH)
        old = self._table.query(first.pk, begins_with=prefix, consistent=True)
        self._delete(item for item in old if Ref(item["pk"], item["sk"]) not in parts)

    def save_after_call(
        self, ref: CallRef, *, summary: str | None, analysis_result: Any = None, analysis_error: str | None = None
    ) -> None:
        """Store summary and analysis (any JSON); saving again replaces them."""
        private = self._is_private(ref)
        content = {
            "summary": summary,
            "analysis_result": None if analysis_result is None else to_json(analysis_result),
            "analysis_error": analysis_error,
        }
        target = _private_ref(ref, "S") if private else keys.summary_ref(ref)
        self._table.put(self._content_write(ref, target, content, private=private))

    def mark_recorded(self, ref: CallRef) -> None:
        """The call's recording can be had from now on."""

        def step(call: Call) -> Change | None:
            to_be_had = call.recording in (None, "late") and not call.private
            return Change({"recording": "stored"}) if to_be_had else None

        self._advance(ref, step)

    def load_whole(self, ref: CallRef) -> Call:
        """The call with everything there is, a gdpr_mode call's encrypted content too: for the platform's own work,
        never for a response. Content already erased is None. Raises CallNotFoundError."""
        call = self._read_with_content(ref)
        return self._with_private_content(call) if call.private else call

    def erase_private(self, ref: CallRef) -> None:
        """Erase a gdpr_mode call's content: its report is delivered or given up. Nothing happens when there is none."""
        pk = keys.own_key(ref.org_id, ref.call_id)
        self._delete(self._table.query(pk, begins_with=keys.private_prefix()))

    def load_frozen_assistant(self, ref: CallRef) -> dict[str, Any]:
        """The effective assistant the call runs with, secrets encrypted. Raises CallNotFoundError."""
        item = self._table.get(keys.frozen_assistant_ref(ref), consistent=True)
        if item is None:
            raise CallNotFoundError
        document: dict[str, Any] = from_json(item["document"])
        return document

    def _delete(self, items: Iterable[Item]) -> None:
        refs = [Ref(item["pk"], item["sk"]) for item in items]
        for start in range(0, len(refs), _DELETED_AT_ONCE):
            self._table.transact([Delete(ref) for ref in refs[start : start + _DELETED_AT_ONCE]])

    def _read_with_content(self, ref: CallRef) -> Call:
        number = number_text(ref.number)
        items = list(self._table.query(keys.rows_key(ref.org_id), between=(number, f"{number}#~"), consistent=True))
        if not items or items[0]["sk"] != number:
            raise CallNotFoundError
        return call_with_content(items)

    def _with_private_content(self, call: Call) -> Call:
        pk = keys.own_key(call.ref.org_id, call.ref.call_id)
        content: dict[str, Any] = {}
        messages: list[Message] = []
        for item in self._table.query(pk, begins_with=keys.private_prefix(), consistent=True):
            opened = self._opened(call.ref, item)
            messages += [Message(*entry) for entry in from_json(opened.pop("messages", "[]"))]
            content |= opened
        analysis = from_json(content.pop("analysis_result", None))
        return replace(call, **content, analysis_result=analysis, messages=messages or None)

    def _private_numbers_write(self, ref: CallRef, caller_phone: str | None, assistant_phone: str | None) -> Put:
        content = {"caller_phone": caller_phone, "assistant_phone": assistant_phone}
        return self._content_write(ref, _private_ref(ref, "N"), content, private=True)

    def _private_transfer_writes(self, call: Call, transfer: Mapping[str, Any] | None) -> list[Write]:
        """Where a gdpr_mode call keeps whom its caller was to be handed over to, for its report."""
        if not transfer or not call.private:
            return []
        return [self._content_write(call.ref, _private_ref(call.ref, "T"), {"transfer": transfer}, private=True)]

    def _content_write(self, ref: CallRef, target: Ref, content: Mapping[str, Any], *, private: bool) -> Put:
        place: Item = {"pk": target.pk, "sk": target.sk}
        if not private:
            return Put(place | {name: value for name, value in content.items() if value is not None})
        token = self._cipher.encrypt(to_json(content), org_id=ref.org_id, resource=_resource(ref))
        expires_at = int((self._clock() + _PRIVATE_LIFE).timestamp())
        return Put(place | {"content": token, "expires_at": expires_at})

    def _opened(self, ref: CallRef, item: Item) -> dict[str, Any]:
        opened: dict[str, Any] = from_json(
            self._cipher.decrypt(item["content"], org_id=ref.org_id, resource=_resource(ref))
        )
        return opened


def _resource(ref: CallRef) -> str:
    return f"call/{ref.call_id}"


def _private_ref(ref: CallRef, kind: str) -> Ref:
    return Ref(keys.own_key(ref.org_id, ref.call_id), f"{keys.private_prefix()}#{kind}")


def _private_messages_ref(ref: CallRef, batch_no: int, part: int) -> Ref:
    return _private_ref(ref, f"M#{batch_no:06d}#{part:02d}")


def _parts(messages: Sequence[Message]) -> Iterator[str]:
    """The messages as JSON texts of at most `MESSAGES_BYTES` each; a longer message becomes several of its role."""
    part: list[Message] = []
    size = 0
    for message in (piece for whole in messages for piece in _pieces(whole)):
        needed = json_bytes(message)
        if part and size + needed > MESSAGES_BYTES:
            yield to_json(part)
            part, size = [], 0
        part.append(message)
        size += needed + 1
    if part:
        yield to_json(part)


def _pieces(message: Message) -> Iterator[Message]:
    if json_bytes(message) <= MESSAGES_BYTES:
        yield message
        return
    # escaped, a character takes at most six bytes
    length = MESSAGES_BYTES // 6 - 10
    for start in range(0, len(message.content), length):
        yield Message(message.role, message.content[start : start + length])
