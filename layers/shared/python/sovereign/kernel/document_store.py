"""Where documents are kept: one item each, its members as JSON text, with a version and a count of its uses."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Generic, TypeVar

from sovereign.kernel.clock import Clock, from_wire, to_wire, utc_now
from sovereign.kernel.documents import Document, Members, to_json
from sovereign.kernel.errors import ConflictError, NotFoundError
from sovereign.kernel.ids import new_id
from sovereign.kernel.references import in_use_error, is_id, resource_ref, unused
from sovereign.kernel.table import Attr, ConditionFailed, Delete, Item, Put, Ref, Table, Update, absent, present

DocumentType = TypeVar("DocumentType", bound=Document)


class DocumentStore(ABC, Generic[DocumentType]):
    """The documents of one kind, of all organizations; every method works within the organization named.

    A subclass says what it keeps: `kind` begins the sort key (`TOOL_TEMPLATE`), `noun` names one to a person.
    """

    kind: ClassVar[str]
    noun: ClassVar[str]
    document: type[DocumentType]

    def __init__(self, table: Table, *, clock: Clock = utc_now) -> None:
        self._table = table
        self._clock = clock

    @abstractmethod
    def checked(self, given: Mapping[str, Any]) -> Members:
        """The members to store of what was sent. Raises InvalidRequestError naming every bad one."""

    def changed(self, stored: Members, given: Mapping[str, Any]) -> Members:
        """The members to store when `given` are sent for a document that has `stored`."""
        return self.checked({**stored, **given})

    def list(self, org_id: str) -> Sequence[DocumentType]:
        """All of them, newest first (one request per MB)."""
        items = self._table.query(f"ORG#{org_id}", begins_with=f"{self.kind}#", consistent=True)
        return sorted(map(self.from_item, items), key=lambda d: (d.created_at, d.id), reverse=True)

    def get(self, org_id: str, document_id: str) -> DocumentType:
        """One document (one request). Raises NotFoundError."""
        item = self._table.get(self._ref(org_id, document_id), consistent=True)
        if item is None:
            raise self._missing()
        return self.from_item(item)

    def create(self, org_id: str, given: Mapping[str, Any]) -> DocumentType:
        """Save a new document (one request). Raises InvalidRequestError naming every bad member."""
        now = self._clock()
        made = self.document(new_id(), org_id, self.checked(given), 1, now, now)
        key = self._ref(org_id, made.id)._asdict()
        self._table.put(Put({**key, "ref_count": 0, **_attributes(made)}, absent))
        return made

    def update(
        self,
        org_id: str,
        document_id: str,
        given: Mapping[str, Any],
        *,
        accept: Callable[[DocumentType], object] = lambda _stored: None,
    ) -> DocumentType:
        """Apply the members that were sent (two requests); `accept` sees the stored ones first and may refuse."""
        stored = self.get(org_id, document_id)
        accept(stored)
        members, now = self.changed(stored.members, given), max(self._clock(), stored.updated_at)
        changed = replace(stored, members=members, version=stored.version + 1, updated_at=now)
        unchanged = Attr("version").eq(stored.version)
        try:
            self._table.update(Update(self._ref(org_id, stored.id), set=_attributes(changed), condition=unchanged))
        except ConditionFailed as failure:
            if failure.old is None:
                raise self._missing() from failure
            raise ConflictError(f"The {self.noun} was changed at the same time.") from failure
        return changed

    def delete(self, org_id: str, document_id: str) -> None:
        """Remove a document nothing uses (one request); ConflictError names those that use it (one more)."""
        try:
            self._table.delete(Delete(self._ref(org_id, document_id), present & unused))
        except ConditionFailed as failure:
            if failure.old is None:
                raise self._missing() from failure
            raise in_use_error(self._table, org_id, self.kind, failure.old["id"]) from failure

    @classmethod
    def from_item(cls, item: Item) -> DocumentType:
        """A document from its item in the table."""
        return cls.document(
            item["id"],
            item["org_id"],
            json.loads(item["document"]),
            item["version"],
            from_wire(item["created_at"]),
            from_wire(item["updated_at"]),
        )

    def _ref(self, org_id: str, document_id: str) -> Ref:
        if not is_id(document_id):
            raise self._missing()
        return resource_ref(org_id, self.kind, document_id.lower())

    def _missing(self) -> NotFoundError:
        return NotFoundError(f"No such {self.noun}.")


def _attributes(document: Document) -> dict[str, Any]:
    return {
        "id": document.id,
        "org_id": document.org_id,
        "name": document.members.get("name"),
        # text: free JSON may nest deeper, and hold larger numbers, than attributes can
        "document": to_json(document.members),
        "version": document.version,
        "created_at": to_wire(document.created_at),
        "updated_at": to_wire(document.updated_at),
    }
