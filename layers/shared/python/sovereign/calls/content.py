"""What was said in a call and what was made of it: it lies right behind the call's row, except for gdpr_mode calls
(`private.py`)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sovereign.calls import keys
from sovereign.calls.errors import CallNotFoundError
from sovereign.calls.items import call_with_content, from_json, json_bytes, to_json
from sovereign.calls.model import Call, CallRef, Message
from sovereign.calls.private import PrivateContent
from sovereign.calls.rows import CallRows, Change, delete_items
from sovereign.kernel.numbered_rows import number_text
from sovereign.kernel.table import Put, Ref, Table

__all__ = ["CallContent"]

MESSAGES_BYTES: Final = 90_000
"""Most bytes of messages in one item: encrypted and encoded it stays well under an item's 400 KB."""

_FIRST_BATCH: Final = f"{0:06d}"


class CallContent:
    """Keeps transcripts, summaries and analyses."""

    def __init__(self, table: Table, rows: CallRows, private: PrivateContent) -> None:
        self._table = table
        self._rows = rows
        self._private = private

    def append_messages(self, ref: CallRef, batch_no: int, messages: Sequence[Message]) -> None:
        """Store a batch of the transcript; `batch_no` counts from 0 and storing one again overwrites it (a retry)."""
        private = self._rows.is_private(ref)
        for part, text in enumerate(_parts(messages)):
            if private:
                self._table.put(self._private.messages_write(ref, batch_no, part, text))
            else:
                self._table.put(_write(keys.message_ref(ref, batch_no, part), {"messages": text}))

    def replace_messages(self, ref: CallRef, messages: Sequence[Message]) -> None:
        """Store another transcript in place of the one there is; not for gdpr_mode calls, which have no recording."""
        parts = {keys.message_ref(ref, 0, part): text for part, text in enumerate(_parts(messages))}
        for target, text in parts.items():
            self._table.put(_write(target, {"messages": text}))
        first = keys.message_ref(ref, 0)
        prefix = first.sk.removesuffix(_FIRST_BATCH)
        old = self._table.query(first.pk, begins_with=prefix, consistent=True)
        delete_items(self._table, (item for item in old if Ref(item["pk"], item["sk"]) not in parts))

    def save_after_call(
        self, ref: CallRef, *, summary: str | None, analysis_result: Any = None, analysis_error: str | None = None
    ) -> None:
        """Store summary and analysis (any JSON); saving again replaces them."""
        content = {
            "summary": summary,
            "analysis_result": None if analysis_result is None else to_json(analysis_result),
            "analysis_error": analysis_error,
        }
        private = self._rows.is_private(ref)
        write = self._private.summary_write(ref, content) if private else _write(keys.summary_ref(ref), content)
        self._table.put(write)

    def mark_recorded(self, ref: CallRef) -> None:
        """The call's recording can be had from now on."""

        def step(call: Call) -> Change | None:
            to_be_had = call.recording in (None, "late") and not call.private
            return Change({"recording": "stored"}) if to_be_had else None

        self._rows.advance(ref, step)

    def load(self, ref: CallRef) -> Call:
        """The call with what lies behind its row: all that clients see. Raises CallNotFoundError."""
        number = number_text(ref.number)
        items = list(self._table.query(keys.rows_key(ref.org_id), between=(number, f"{number}#~"), consistent=True))
        if not items or items[0]["sk"] != number:
            raise CallNotFoundError
        return call_with_content(items)

    def load_whole(self, ref: CallRef) -> Call:
        """The call with everything there is, a gdpr_mode call's encrypted content too: for the platform's own work,
        never for a response. Content already erased is None. Raises CallNotFoundError."""
        call = self.load(ref)
        return self._private.with_content(call) if call.private else call

    def load_frozen_assistant(self, ref: CallRef) -> dict[str, Any]:
        """The effective assistant the call runs with, secrets encrypted. Raises CallNotFoundError."""
        item = self._table.get(keys.frozen_assistant_ref(ref), consistent=True)
        if item is None:
            raise CallNotFoundError
        document: dict[str, Any] = from_json(item["document"])
        return document


def _write(target: Ref, content: Mapping[str, str | None]) -> Put:
    place = {"pk": target.pk, "sk": target.sk}
    return Put(place | {name: value for name, value in content.items() if value is not None})


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
