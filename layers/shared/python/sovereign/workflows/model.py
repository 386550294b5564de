"""A workflow of an organization."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from sovereign.catalog.base import Strict
from sovereign.kernel.clock import to_wire
from sovereign.kernel.errors import NotFoundError
from sovereign.workflows.definition import AnyDefinition, Definition
from sovereign.workflows.sealed import SealedDefinition

KIND = "WORKFLOW"
MAX_BYTES = 350 * 1024
"""Of a definition as JSON; `seal` bounds what it takes with its secrets encrypted."""

Name = Annotated[str, Field(min_length=1, max_length=200)]


class WorkflowNotFoundError(NotFoundError):
    """The organization has no such workflow."""

    def __init__(self) -> None:
        super().__init__("No such workflow.")


class WorkflowSettings(Strict):
    """The writable members of a new workflow."""

    name: Name
    definition: AnyDefinition
    is_active: bool = True


class WorkflowChanges(Strict):
    """A change: only the members that were sent count; a definition replaces the stored one whole."""

    name: Name = Field(default_factory=str)
    definition: AnyDefinition = Field(default_factory=lambda: Definition.model_construct(nodes=[], edges=[]))
    is_active: bool = True


@dataclass(frozen=True)
class Workflow:
    """A saved workflow. `sealed.document` is the definition with masks where secrets are."""

    id: str
    org_id: str
    name: str
    is_active: bool
    sealed: SealedDefinition
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def definition(self) -> Mapping[str, Any]:
        """The definition as clients see it."""
        return self.sealed.document

    def summary(self) -> dict[str, Any]:
        """As the list shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "is_active": self.is_active,
            "entry_node": self.definition["entry_node"],
            "node_count": len(self.definition["nodes"]),
            "edge_count": len(self.definition.get("edges") or []),
            "created_at": to_wire(self.created_at),
            "updated_at": to_wire(self.updated_at),
        }

    def public(self) -> dict[str, Any]:
        """As responses show it."""
        return {**self.summary(), "definition": self.definition}
