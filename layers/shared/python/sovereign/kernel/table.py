"""The one DynamoDB table: typed requests, named conditions, transactions that tell missing from conflict.

Every item has `pk` and `sk`. The index names and what they hold are in docs/data-model.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from sovereign.kernel import aws, ids
from sovereign.kernel.attribute_values import Item, from_attributes, to_attributes
from sovereign.kernel.backoff import pause
from sovereign.kernel.conditions import Attr, Condition, Key, Placeholders
from sovereign.kernel.errors import UnavailableError
from sovereign.kernel.writes import (
    Check,
    Delete,
    Put,
    Ref,
    Update,
    Write,
    absent,
    key_of,
    met_itself,
    operation_of,
    present,
    request_of,
)

__all__ = [
    "Attr",
    "Check",
    "Condition",
    "ConditionFailed",
    "Delete",
    "Item",
    "Page",
    "Put",
    "Ref",
    "Table",
    "Update",
    "Write",
    "absent",
    "from_attributes",
    "present",
    "to_attributes",
]

_CONFLICT_ATTEMPTS = 6


class ConditionFailed(Exception):  # noqa: N818 - names the outcome, as DynamoDB does; callers turn it into an error
    """A write's condition did not hold. `index` is the write's place in the transaction (0 for a single write);
    `old` is the item that stood in the way, None when there was none."""

    def __init__(self, index: int, old: Item | None) -> None:
        super().__init__(f"condition of write {index} failed")
        self.index = index
        self.old = old


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
        answer = self._client.get_item(TableName=self.name, Key=key_of(ref), ConsistentRead=consistent)
        return from_attributes(answer["Item"]) if "Item" in answer else None

    def get_many(self, refs: Sequence[Ref], *, consistent: bool = False) -> dict[Ref, Item]:
        """Read up to 100 items in one request; missing ones are absent from the result."""
        found: dict[Ref, Item] = {}
        keys = [key_of(ref) for ref in refs]
        pending: Any = {self.name: {"Keys": keys, "ConsistentRead": consistent}} if refs else {}
        for attempt in range(_CONFLICT_ATTEMPTS):
            if not pending:
                return found
            _wait(attempt)
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
        placeholders = Placeholders()
        condition = placeholders.render(_key_condition(index, pk, begins_with, between), is_key_condition=True)
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeNames": placeholders.names,
            "ExpressionAttributeValues": to_attributes(placeholders.values),
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
        self._single(write, self._client.put_item)

    def update(self, write: Update) -> Item:
        """Change one item and return it whole as it is afterwards."""
        answer = self._single(write, self._client.update_item, ReturnValues="ALL_NEW")
        return from_attributes(answer.get("Attributes", {}))

    def delete(self, write: Delete) -> None:
        """Remove one item. A condition makes it a transaction: sent again because an answer got lost, only the token of
        that tells whether it finds nothing because it removed the item itself, or because there never was one."""
        if write.condition is None:
            self._single(write, self._client.delete_item)
        else:
            self.transact([write])

    def transact(self, writes: Sequence[Write]) -> None:
        """Apply up to 100 writes, all or none. Conflicts with other transactions are retried with jitter."""
        operations: Any = [operation_of(write, self.name) for write in writes]
        token = ids.new_id()
        for attempt in range(_CONFLICT_ATTEMPTS):
            _wait(attempt)
            try:
                self._client.transact_write_items(TransactItems=operations, ClientRequestToken=token)
                return
            except self._client.exceptions.TransactionCanceledException as failure:
                _raise_condition_failed(failure.response.get("CancellationReasons", []))
                token = ids.new_id()  # nothing was applied: the next try is a transaction of its own
            except self._client.exceptions.TransactionInProgressException:
                continue  # with the same token: its own commit answers it, instead of failing its conditions
        raise UnavailableError("the table is busy", retry_after=1)

    def _single(self, write: Write, send: Any, **also: str) -> Any:
        """Send a write until it is answered; where an answer got lost, its own change does not stand in its way."""
        request, sent_again = request_of(write, self.name), False
        for attempt in range(_CONFLICT_ATTEMPTS):
            _wait(attempt)
            try:
                return send(**request, **also)
            except ClientError as failure:
                code = failure.response["Error"]["Code"]
                sent_again |= failure.response["ResponseMetadata"].get("RetryAttempts", 0) > 0
                if code == "ConditionalCheckFailedException":
                    return {"Attributes": _standing(write, failure, sent_again=sent_again)}
                if code != "TransactionConflictException":
                    raise
        raise UnavailableError("the table is busy", retry_after=1)


_INDEX_KEYS: dict[str | None, tuple[str, str]] = {
    None: ("pk", "sk"),
    "gsi1": ("gsi1pk", "gsi1sk"),
    "gsi2": ("gsi2pk", "gsi2sk"),
    "gsi3": ("gsi3pk", "gsi3sk"),
    "due": ("due_shard", "due_at"),
}


def _key_condition(index: str | None, pk: str, begins_with: str | None, between: tuple[str, str] | None) -> Condition:
    hash_name, range_name = _INDEX_KEYS[index]
    partition = Key(hash_name).eq(pk)
    if begins_with is not None:
        return partition & Key(range_name).begins_with(begins_with)
    if between is not None:
        return partition & Key(range_name).between(*between)
    return partition


def _standing(write: Write, failure: ClientError, *, sent_again: bool) -> Any:
    """The item that made a condition fail, as attributes, when it is the write's own doing; else ConditionFailed."""
    raw: Any = failure.response.get("Item") or {}
    old = from_attributes(raw) if raw else None
    if sent_again and met_itself(write, old):
        return raw
    raise ConditionFailed(0, old) from None


def _raise_condition_failed(reasons: Sequence[Mapping[str, Any]]) -> None:
    """Raise for the first failed condition; return when every reason is a conflict worth another try."""
    for index, reason in enumerate(reasons):
        if reason.get("Code") == "ConditionalCheckFailed":
            old = reason.get("Item")
            raise ConditionFailed(index, from_attributes(old) if old else None)
    codes = {reason.get("Code") for reason in reasons} - {"None", None}
    if codes - {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}:
        raise RuntimeError(f"transaction refused: {sorted(map(str, codes))}")


def _wait(attempt: int) -> None:
    pause(attempt, base_seconds=0.02, most_seconds=0.64)
