"""A call as an item and back. The arbitrary JSON of a call is stored as text, so that it comes back exactly."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sovereign.calls import keys
from sovereign.calls.model import Call, CallRef, CallStatus, EndReason, Message
from sovereign.kernel.clock import from_wire, to_wire
from sovereign.kernel.table import Attr, Check, Item, Update, present

__all__ = [
    "call_from_item",
    "call_with_content",
    "from_json",
    "json_bytes",
    "row_is_up",
    "row_item",
    "row_update",
    "to_json",
]

_JSON = frozenset({"metadata", "transfer", "latency", "notification"})
_MOMENTS = frozenset({"created_at", "updated_at", "dial_before", "started_at", "bridged_at", "ended_at"})
_CONTENT = frozenset({"messages", "summary", "analysis_result", "analysis_error"})
_COLUMNS = dict.fromkeys(f.name for f in fields(Call) if f.name != "ref" and f.name not in _CONTENT)

_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def to_json(value: Any) -> str:
    """Compact JSON text. Lone surrogates are escaped, so that any text a provider returns can be stored; nothing else
    is, for that takes up to three times the room."""
    text = _COMPACT.encode(value)
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def json_bytes(value: Any) -> int:
    """What `to_json` takes in the table, and about what the value takes in an answer."""
    return len(to_json(value).encode())


def from_json(text: str | None) -> Any:
    """The value of JSON text; None for None."""
    return None if text is None else json.loads(text)


def row_item(call: Call) -> Item:
    """The whole row of a call."""
    ref = call.ref
    pk, sk = keys.row_ref(ref)
    identity = {
        "pk": pk,
        "sk": sk,
        "org_id": ref.org_id,
        "call_id": ref.call_id,
        "number": ref.number,
    }
    return identity | _attributes(call)


def row_update(before: Call, after: Call, *, set_also: Mapping[str, Any], remove: Sequence[str]) -> Update:
    """The write from `before` to `after`, on the condition that the row is still as `before`."""
    old, new = _attributes(before), _attributes(after) | dict(set_also)
    return Update(
        keys.row_ref(before.ref),
        set={name: value for name, value in new.items() if old.get(name) != value},
        remove=[name for name in old if name not in new] + list(remove),
        condition=Attr("version").eq(before.version),
    )


def row_is_up(ref: CallRef) -> Check:
    """The condition that the call is not over, for a transaction of another item."""
    return Check(keys.row_ref(ref), present & Attr("ended_at").not_exists())


def call_from_item(item: Item, **content: Any) -> Call:
    """A call from its row; `content` is what was read of its messages, summary and analysis."""
    ref = CallRef(item["org_id"], item["call_id"], item["number"])
    columns = {name: _read(name, value) for name, value in item.items() if name in _COLUMNS and value is not None}
    return Call(ref=ref, **columns, **content)


def call_with_content(items: Sequence[Item]) -> Call:
    """A whole call from its row, its message batches and its summary, in the order of their sort keys."""
    row, rest = items[0], items[1:]
    batches = [item["messages"] for item in rest if "messages" in item]
    summary: Item = next((item for item in rest if "messages" not in item), {})
    return call_from_item(
        row,
        messages=[Message(*entry) for batch in batches for entry in from_json(batch)] if batches else None,
        summary=summary.get("summary"),
        analysis_result=from_json(summary.get("analysis_result")),
        analysis_error=summary.get("analysis_error"),
    )


def _attributes(call: Call) -> Item:
    """Every column that has a value, and the index keys that follow from them."""
    columns = {name: _stored(name, getattr(call, name)) for name in _COLUMNS if getattr(call, name) is not None}
    org_id, place = call.ref.org_id, keys.index_place(call.ref, call.created_at)
    indexes = {
        "gsi1pk": keys.status_index(org_id, call.status),
        "gsi1sk": place,
        "gsi3pk": keys.direction_index(org_id, call.direction),
        "gsi3sk": place,
    }
    if call.agent_id:
        indexes |= {"gsi2pk": keys.agent_index(org_id, call.agent_id), "gsi2sk": place}
    return columns | indexes


def _stored(name: str, value: Any) -> Any:
    if name in _JSON:
        return to_json(value)
    if isinstance(value, datetime):
        return to_wire(value)
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, frozenset):
        return sorted(value)
    return value


def _read(name: str, value: Any) -> Any:
    reader = _READERS.get(name)
    return reader(value) if reader else value


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(_JSON, from_json),
    **dict.fromkeys(_MOMENTS, from_wire),
    "byok": frozenset,
    "status": CallStatus,
    "end_reason": EndReason,
}
"""What stored columns are read with, other than as they are."""
