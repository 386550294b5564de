"""Writes of the table as values, and the requests they are sent as."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sovereign.kernel.attribute_values import Item, from_attributes, to_attributes
from sovereign.kernel.conditions import Attr, Condition, Placeholders

__all__ = [
    "Check",
    "Delete",
    "Put",
    "Ref",
    "Update",
    "Write",
    "absent",
    "key_of",
    "met_itself",
    "operation_of",
    "present",
    "request_of",
]


class Ref(NamedTuple):
    """The primary key of an item."""

    pk: str
    sk: str


absent: Condition = Attr("pk").not_exists()
"""Condition: no item has this key yet."""
present: Condition = Attr("pk").exists()
"""Condition: an item has this key."""


@dataclass(frozen=True)
class Put:
    """Store a whole item."""

    item: Item
    condition: Condition | None = None


@dataclass(frozen=True)
class Update:
    """Change attributes of an item: `set` assigns (None is stored as null), `add` increments, `remove` drops."""

    ref: Ref
    set: Mapping[str, Any] = field(default_factory=dict)
    add: Mapping[str, int] = field(default_factory=dict)
    remove: Sequence[str] = ()
    condition: Condition | None = None


@dataclass(frozen=True)
class Delete:
    """Remove an item."""

    ref: Ref
    condition: Condition | None = None


@dataclass(frozen=True)
class Check:
    """Require a condition of an item without changing it; in transactions only."""

    ref: Ref
    condition: Condition


Write = Put | Update | Delete | Check

_OPERATIONS: Mapping[type, str] = {Put: "Put", Update: "Update", Delete: "Delete", Check: "ConditionCheck"}


def key_of(ref: Ref) -> dict[str, Any]:
    """A primary key as attribute values."""
    return {"pk": {"S": ref.pk}, "sk": {"S": ref.sk}}


def operation_of(write: Write, table_name: str) -> dict[str, Any]:
    """The write as a member of a transaction."""
    return {_OPERATIONS[type(write)]: request_of(write, table_name)}


def request_of(write: Write, table_name: str) -> dict[str, Any]:
    """The parameters of the write's own request; the item that failed its condition comes back."""
    request: dict[str, Any] = {"TableName": table_name, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    placeholders = Placeholders()
    if isinstance(write, Put):
        request["Item"] = to_attributes(write.item)
    else:
        request["Key"] = key_of(write.ref)
    if isinstance(write, Update):
        request["UpdateExpression"] = _update_expression(write, placeholders)
    if write.condition is not None:
        request["ConditionExpression"] = placeholders.render(write.condition)
    if placeholders.names:
        request["ExpressionAttributeNames"] = placeholders.names
    if placeholders.values:
        request["ExpressionAttributeValues"] = to_attributes(placeholders.values)
    return request


def met_itself(write: Write, old: Item | None) -> bool:
    """Whether a write that may have been applied before failed its condition for that reason: `old` is what it leaves.

    What an update adds does not show, so it has to have changed something its condition asks about. What a deletion
    leaves tells nothing; those are transactions, which have a token.
    """
    if isinstance(write, Put):
        return old == _as_stored(write.item)
    if not isinstance(write, Update) or old is None or not (write.set or write.remove):
        return False
    asks_about_itself = {*write.set, *write.add, *write.remove} & _names(write.condition)
    is_set = {name: old[name] for name in write.set if name in old} == _as_stored(write.set)
    return bool(asks_about_itself) and is_set and old.keys().isdisjoint(write.remove)


def _as_stored(values: Mapping[str, Any]) -> Item:
    return from_attributes(to_attributes(values))


def _names(condition: Condition | None) -> set[str]:
    placeholders = Placeholders()
    if condition is not None:
        placeholders.render(condition)
    return set(placeholders.names.values())


def _update_expression(write: Update, placeholders: Placeholders) -> str:
    name, value = placeholders.name, placeholders.value
    clauses = {
        "SET": [f"{name(a)} = {value(v)}" for a, v in write.set.items()],
        "ADD": [f"{name(a)} {value(v)}" for a, v in write.add.items()],
        "REMOVE": [name(a) for a in write.remove],
    }
    return " ".join(f"{keyword} {', '.join(parts)}" for keyword, parts in clauses.items() if parts)
