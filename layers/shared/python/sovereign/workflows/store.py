"""Where workflows are kept: one item each, the definition as JSON text, secrets encrypted beside it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sovereign.catalog.problems import read_stored
from sovereign.kernel.clock import Clock, from_wire, to_wire, utc_now
from sovereign.kernel.documents import to_json
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.errors import BodyTooLargeError, ConflictError, InvalidRequestError
from sovereign.kernel.ids import new_id
from sovereign.kernel.references import (
    Reference,
    User,
    in_use_error,
    is_id,
    missing,
    move_uses,
    resource_ref,
    unused,
)
from sovereign.kernel.table import Attr, Delete, Item, Put, Ref, Table, Update, absent
from sovereign.kernel.unit_of_work import UnitOfWork
from sovereign.workflows.definition import Definition
from sovereign.workflows.model import (
    KIND,
    MAX_BYTES,
    Workflow,
    WorkflowChanges,
    WorkflowNotFoundError,
    WorkflowSettings,
)
from sovereign.workflows.sealed import Owner, SealedDefinition, seal, unseal

MAX_REFERENCES = 40
"""Distinct resources one workflow may name: each takes two writes of a transaction's hundred."""


class _InUseError(Exception):
    """So many numbers still use the workflow."""

    def __init__(self, count: int) -> None:
        self.count = count


@dataclass(frozen=True)
class SavedWorkflow:
    """What was saved, and what of the request has no effect."""

    workflow: Workflow
    warnings: Sequence[str]


class WorkflowStore:
    """The workflows of all organizations; every method works within the one named."""

    def __init__(self, table: Table, cipher: Cipher, *, clock: Clock = utc_now) -> None:
        self._table = table
        self._cipher = cipher
        self._clock = clock

    def list(self, org_id: str) -> Sequence[Workflow]:
        """All workflows, newest first (one request per MB)."""
        items = self._table.query(f"ORG#{org_id}", begins_with=f"{KIND}#", consistent=True)
        return sorted(map(workflow_from_item, items), key=lambda w: (w.created_at, w.id), reverse=True)

    def get(self, org_id: str, workflow_id: str) -> Workflow:
        """One workflow (one request). Raises WorkflowNotFoundError."""
        item = self._table.get(workflow_ref(org_id, workflow_id), consistent=True)
        if item is None:
            raise WorkflowNotFoundError
        return workflow_from_item(item)

    def create(self, org_id: str, settings: WorkflowSettings) -> SavedWorkflow:
        """Save a new workflow (one request, one more when its tools name other resources)."""
        references = settings.definition.references
        _bound(references)
        _require(missing(references, org_id, self._found(org_id, references)))
        workflow_id, now = new_id(), self._clock()
        sealed = self._sealed(settings.definition, Owner(org_id, workflow_id))
        workflow = Workflow(workflow_id, org_id, settings.name, settings.is_active, sealed, 1, now, now)
        unit = UnitOfWork()
        item = {**_key(workflow)._asdict(), "ref_count": 0, **_attributes(workflow)}
        unit.add(Put(item, absent))
        move_uses(unit, org_id, _user(workflow), [], references)
        unit.commit(self._table)
        return SavedWorkflow(workflow, settings.definition.warnings)

    def update(
        self,
        org_id: str,
        workflow_id: str,
        changes: WorkflowChanges,
        *,
        accept: Callable[[Workflow], object] = lambda _stored: None,
    ) -> SavedWorkflow:
        """Apply the members that were sent (two requests); `accept` sees the stored workflow first and may refuse."""
        sent = changes.model_fields_set
        definition = changes.definition if "definition" in sent else None
        wanted = definition.references if definition else []
        _bound(wanted)
        ref = workflow_ref(org_id, workflow_id)
        found = self._found(org_id, wanted, ref)
        if ref not in found:
            raise WorkflowNotFoundError
        stored = workflow_from_item(found[ref])
        accept(stored)
        _require(missing(wanted, org_id, found))
        changed = replace(
            stored,
            **{name: getattr(changes, name) for name in ("name", "is_active") if name in sent},
            sealed=self._sealed(definition, _owner(stored), stored.sealed) if definition else stored.sealed,
            version=stored.version + 1,
            updated_at=max(self._clock(), stored.updated_at),
        )
        unit = UnitOfWork()
        condition = Attr("version").eq(stored.version)
        unit.add(Update(ref, set=_attributes(changed), condition=condition), otherwise=_gone_or_changed)
        if definition:
            move_uses(unit, org_id, _user(changed), references_of(stored), wanted)
        unit.commit(self._table)
        return SavedWorkflow(changed, definition.warnings if definition else [])

    def delete(self, org_id: str, workflow_id: str) -> None:
        """Remove a workflow no number uses (two requests); ConflictError counts and names those that do (one more)."""
        stored = self.get(org_id, workflow_id)
        unit = UnitOfWork()
        unit.add(
            Delete(_key(stored), unused & Attr("version").eq(stored.version)),
            otherwise=lambda old: (
                _InUseError(old["ref_count"]) if old and old.get("ref_count") else _gone_or_changed(old)
            ),
        )
        move_uses(unit, org_id, _user(stored), references_of(stored), [])
        try:
            unit.commit(self._table)
        except _InUseError as used:
            users = in_use_error(self._table, org_id, KIND, stored.id).details
            raise ConflictError(
                f"Workflow is attached to {used.count} phone numbers. "
                "Detach it first (PATCH /numbers/{id} with workflow_id: null).",
                details=users,
            ) from None

    def unsealed(self, workflow: Workflow) -> Definition:
        """The definition with its secrets in the clear, for the container that runs it."""
        return read_stored(Definition, unseal(workflow.sealed, self._cipher, _owner(workflow)))

    def _sealed(self, definition: Definition, owner: Owner, kept: SealedDefinition | None = None) -> SealedDefinition:
        document = definition.stored()
        if len(to_json(document).encode()) > MAX_BYTES:
            raise BodyTooLargeError(f"A workflow's definition may be at most {MAX_BYTES} bytes as JSON.")
        return seal(document, self._cipher, owner, kept=kept)

    def _found(self, org_id: str, references: Sequence[Reference], *others: Ref) -> dict[Ref, Item]:
        keys = {resource_ref(org_id, reference.kind, reference.id) for reference in references}
        return self._table.get_many([*keys, *others], consistent=True)


def workflow_from_item(item: Item) -> Workflow:
    """A workflow from its item in the table."""
    return Workflow(
        id=item["id"],
        org_id=item["org_id"],
        name=item["name"],
        is_active=item["is_active"],
        sealed=SealedDefinition(json.loads(item["definition"]), item["secrets"]),
        version=item["version"],
        created_at=from_wire(item["created_at"]),
        updated_at=from_wire(item["updated_at"]),
    )


def workflow_ref(org_id: str, workflow_id: str) -> Ref:
    """The key of a workflow, for callers that read it together with something else. Raises WorkflowNotFoundError."""
    if not is_id(workflow_id):
        raise WorkflowNotFoundError
    return resource_ref(org_id, KIND, workflow_id.lower())


def references_of(workflow: Workflow) -> list[Reference]:
    """What a stored workflow uses; its rules are not checked again, they may have become stricter since."""
    kinds = {"mcp_server_id": "MCP_SERVER", "template_id": "TOOL_TEMPLATE"}
    return [
        Reference(kind, tool[member].lower(), member)
        for node in workflow.definition["nodes"]
        for tool in node.get("tools") or []
        for member, kind in kinds.items()
        if member in tool
    ]


def _key(workflow: Workflow) -> Ref:
    return resource_ref(workflow.org_id, KIND, workflow.id)


def _owner(workflow: Workflow) -> Owner:
    return Owner(workflow.org_id, workflow.id)


def _user(workflow: Workflow) -> User:
    return User(KIND, workflow.id, f"workflow {workflow.name}")


def _attributes(workflow: Workflow) -> Mapping[str, Any]:
    return {
        "id": workflow.id,
        "org_id": workflow.org_id,
        "name": workflow.name,
        "is_active": workflow.is_active,
        # text: free JSON may nest deeper, and hold larger numbers, than attributes can
        "definition": to_json(workflow.definition),
        "secrets": dict(workflow.sealed.tokens),
        "version": workflow.version,
        "created_at": to_wire(workflow.created_at),
        "updated_at": to_wire(workflow.updated_at),
    }


def _bound(references: Sequence[Reference]) -> None:
    if len({(r.kind, r.id) for r in references}) > MAX_REFERENCES:
        raise InvalidRequestError(details=[f"definition: names more than {MAX_REFERENCES} servers and templates"])


def _require(problems: Sequence[str]) -> None:
    if problems:
        raise InvalidRequestError(details=problems)


def _gone_or_changed(old: Item | None) -> Exception:
    return ConflictError("The workflow was changed at the same time.") if old else WorkflowNotFoundError()
