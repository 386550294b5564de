"""The one DynamoDB table: typed requests, named conditions, transactions that tell missing from conflict.

Every item has `pk` and `sk`. The index names and what they hold are in docs/data-model.md.
"""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from boto3.dynamodb.conditions import Attr, ConditionBase, ConditionExpressionBuilder, Key
from boto3.dynamodb.conditions import Key as KeyCondition
from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from sovereign.kernel import aws
from sovereign.kernel.errors import UnavailableError

__all__ = [
    "Attr",
    "Check",
    "ConditionFailed",
    "Delete",
    "Item",
    "Page",
    "Put",
    "Ref",
    "Table",
    "Update",
    "absent",
    "present",
]

Item = dict[str, Any]
"""An item as Python values: numbers are int or float, binary is bytes, sets are sets."""

_CONFLICT_ATTEMPTS = 6
_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


class Ref(NamedTuple):
    """The primary key of an item."""

    pk: str
    sk: str


absent: ConditionBase = Attr("pk").not_exists()
"""Condition: no item has this key yet."""
present: ConditionBase = Attr("pk").exists()
"""Condition: an item has this key."""


class ConditionFailed(Exception):  # noqa: N818 - names the outcome, as DynamoDB does; callers turn it into an error
    """A write's condition did not hold. `index` is the write's place in the transaction (0 for a single write);
    `old` is the item that stood in the way, None when there was none."""

    def __init__(self, index: int, old: Item | None) -> None:
        super().__init__(f"condition of write {index} failed")
        self.index = index
        self.old = old


@dataclass(frozen=True)
class Put:
    """Store a whole item."""

    item: Item
    condition: ConditionBase | None = None


@dataclass(frozen=True)
class Update:
    """Change attributes of an item: `set` assigns (None is stored as null), `add` increments, `remove` drops."""

    ref: Ref
    set: Mapping[str, Any] = field(default_factory=dict)
    add: Mapping[str, int] = field(default_factory=dict)
    remove: Sequence[str] = ()
    condition: ConditionBase | None = None


@dataclass(frozen=True)
class Delete:
    """Remove an item."""

    ref: Ref
    condition: ConditionBase | None = None


@dataclass(frozen=True)
class Check:
    """Require a condition of an item without changing it; in transactions only."""

    ref: Ref
    condition: ConditionBase


Write = Put | Update | Delete | Check


@dataclass(frozen=True)
class Page:
    """One page of a query: `next` is None on the last one, else what to pass as `start`."""

    items: list[Item]
    next: dict[str, Any] | None


class Table:
    """The table of a stage. Raises ConditionFailed for a condition, UnavailableError when conflicts persist."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._client = aws.client("dynamodb")

    def get(self, ref: Ref, *, consistent: bool = False) -> Item | None:
        """Read one item, None when there is none."""
        answer = self._client.get_item(TableName=self.name, Key=_key(ref), ConsistentRead=consistent)
        return from_attributes(answer["Item"]) if "Item" in answer else None

    def get_many(self, refs: Sequence[Ref], *, consistent: bool = False) -> dict[Ref, Item]:
        """Read up to 100 items in one request; missing ones are absent from the result."""
        found: dict[Ref, Item] = {}
        pending: Any = {self.name: {"Keys": [_key(ref) for ref in refs], "ConsistentRead": consistent}} if refs else {}
        for attempt in range(_CONFLICT_ATTEMPTS):
            if not pending:
                return found
            if attempt:
                _pause(attempt)
            answer = self._client.batch_get_item(RequestItems=pending)
            for raw in answer["Responses"].get(self.name, []):
                item = from_attributes(raw)
                found[Ref(item["pk"], item["sk"])] = item
            pending = answer.get("UnprocessedKeys")
        raise UnavailableError("the table is busy", retry_after=1)

    def page(
        self,
        pk: str,
        *,
        begins_with: str | None = None,
        between: tuple[str, str] | None = None,
        index: str | None = None,
        descending: bool = False,
        limit: int | None = None,
        start: dict[str, Any] | None = None,
        consistent: bool = False,
    ) -> Page:
        """One Query request (at most 1 MB). On an index, `pk` and the bounds are the index's own keys."""
        hash_name, range_name = _INDEX_KEYS[index]
        condition: Any = KeyCondition(hash_name).eq(pk)
        if begins_with is not None:
            condition = condition & Key(range_name).begins_with(begins_with)
        elif between is not None:
            condition = condition & Key(range_name).between(*between)
        built = ConditionExpressionBuilder().build_expression(condition, is_key_condition=True)
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": built.condition_expression,
            "ExpressionAttributeNames": built.attribute_name_placeholders,
            "ExpressionAttributeValues": to_attributes(built.attribute_value_placeholders),
            "ScanIndexForward": not descending,
            "ConsistentRead": consistent,
        }
        if index:
            request["IndexName"] = index
        if limit:
            request["Limit"] = limit
        if start:
            request["ExclusiveStartKey"] = start
        answer = self._client.query(**request)
        return Page([from_attributes(raw) for raw in answer["Items"]], answer.get("LastEvaluatedKey"))

    def query(self, pk: str, **bounds: Any) -> Iterator[Item]:
        """Every item of a query, page after page; arguments as `page`, where `limit` bounds a page, not the whole."""
        start = bounds.pop("start", None)
        while True:
            page = self.page(pk, start=start, **bounds)
            yield from page.items
            start = page.next
            if start is None:
                return

    def put(self, write: Put) -> None:
        """Store one item."""
        self._single(lambda: self._client.put_item(**self._request(write)))

    def update(self, write: Update) -> Item:
        """Change one item and return it whole as it is afterwards."""
        answer = self._single(lambda: self._client.update_item(**self._request(write), ReturnValues="ALL_NEW"))
        return from_attributes(answer.get("Attributes", {}))

    def delete(self, write: Delete) -> None:
        """Remove one item."""
        self._single(lambda: self._client.delete_item(**self._request(write)))

    def transact(self, writes: Sequence[Write]) -> None:
        """Apply up to 100 writes, all or none. Conflicts with other transactions are retried with jitter."""
        operations: Any = [{_OPERATION[type(w)]: self._request(w)} for w in writes]
        for attempt in range(_CONFLICT_ATTEMPTS):
            if attempt:
                _pause(attempt)
            try:
                self._client.transact_write_items(TransactItems=operations)
                return
            except self._client.exceptions.TransactionCanceledException as failure:
                _raise_condition_failed(failure.response.get("CancellationReasons", []))
            except self._client.exceptions.TransactionInProgressException:
                continue
        raise UnavailableError("the table is busy", retry_after=1)

    def _single(self, send: Any) -> Any:
        for attempt in range(_CONFLICT_ATTEMPTS):
            if attempt:
                _pause(attempt)
            try:
                return send()
            except ClientError as failure:
                code = failure.response["Error"]["Code"]
                if code == "ConditionalCheckFailedException":
                    old: Any = failure.response.get("Item")
                    raise ConditionFailed(0, from_attributes(old) if old else None) from None
                if code != "TransactionConflictException":
                    raise
        raise UnavailableError("the table is busy", retry_after=1)

    def _request(self, write: Write) -> Any:
        request: dict[str, Any] = {"TableName": self.name, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        names: dict[str, str] = {}
        values: dict[str, Any] = {}
        if isinstance(write, Put):
            request["Item"] = to_attributes(write.item)
        else:
            request["Key"] = _key(write.ref)
        if isinstance(write, Update):
            request["UpdateExpression"] = _update_expression(write, names, values)
        if write.condition is not None:
            built = ConditionExpressionBuilder().build_expression(write.condition)
            request["ConditionExpression"] = built.condition_expression
            names |= built.attribute_name_placeholders
            values |= built.attribute_value_placeholders
        if names:
            request["ExpressionAttributeNames"] = names
        if values:
            request["ExpressionAttributeValues"] = to_attributes(values)
        return request


_OPERATION: dict[type, str] = {Put: "Put", Update: "Update", Delete: "Delete", Check: "ConditionCheck"}
_INDEX_KEYS: dict[str | None, tuple[str, str]] = {
    None: ("pk", "sk"),
    "gsi1": ("gsi1pk", "gsi1sk"),
    "gsi2": ("gsi2pk", "gsi2sk"),
    "gsi3": ("gsi3pk", "gsi3sk"),
    "by_time": ("pk", "made_at"),
    "due": ("due_shard", "due_at"),
}


def to_attributes(item: Mapping[str, Any]) -> dict[str, Any]:
    """Python values to DynamoDB's attribute values; floats become decimals."""
    return {name: _serialize(_storable(value)) for name, value in item.items()}


def from_attributes(raw: Mapping[str, Any]) -> Item:
    """DynamoDB's attribute values (a response's or a stream record's) to Python values."""
    return {name: _plain(_deserialize(value)) for name, value in raw.items()}


def _storable(value: Any) -> Any:
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, Mapping):
        return {name: _storable(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(member) for member in value]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Binary):
        return bytes(value)  # type: ignore[call-overload]  # it has __bytes__; the stubs do not know
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    if isinstance(value, set):
        return {_plain(member) for member in value}
    return value


def _key(ref: Ref) -> dict[str, Any]:
    return {"pk": {"S": ref.pk}, "sk": {"S": ref.sk}}


def _update_expression(write: Update, names: dict[str, str], values: dict[str, Any]) -> str:
    def name(attribute: str) -> str:
        names[placeholder := f"#u{len(names)}"] = attribute
        return placeholder

    def value(stored: Any) -> str:
        values[placeholder := f":u{len(values)}"] = stored
        return placeholder

    clauses = {
        "SET": [f"{name(a)} = {value(v)}" for a, v in write.set.items()],
        "ADD": [f"{name(a)} {value(v)}" for a, v in write.add.items()],
        "REMOVE": [name(a) for a in write.remove],
    }
    return " ".join(f"{keyword} {', '.join(parts)}" for keyword, parts in clauses.items() if parts)


def _raise_condition_failed(reasons: Sequence[Mapping[str, Any]]) -> None:
    """Raise for the first failed condition; return when every reason is a conflict worth another try."""
    for index, reason in enumerate(reasons):
        if reason.get("Code") == "ConditionalCheckFailed":
            old = reason.get("Item")
            raise ConditionFailed(index, from_attributes(old) if old else None)
    codes = {reason.get("Code") for reason in reasons} - {"None", None}
    if codes - {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}:
        raise RuntimeError(f"transaction refused: {sorted(map(str, codes))}")


def _pause(attempt: int) -> None:
    time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - jitter, not a secret
