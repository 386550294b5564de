"""A phone number of an organization, and who may show it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from sovereign.catalog.base import Strict
from sovereign.catalog.tools import UUID_RULE
from sovereign.kernel.clock import to_wire
from sovereign.kernel.errors import ConflictError, NotFoundError
from sovereign.kernel.phone import E164
from sovereign.kernel.references import Reference

KIND = "NUMBER"

Verification = Literal["pending", "verified"]
"""A pending number takes calls from the organization's own trunk but cannot be a caller ID."""

Id = Annotated[str, Field(pattern=UUID_RULE), AfterValidator(str.lower)]
Label = Annotated[str, Field(min_length=1, max_length=200)]


class NumberNotFoundError(NotFoundError):
    """The organization has no such number."""

    def __init__(self) -> None:
        super().__init__("No such phone number.")


class NumberTakenError(ConflictError):
    """The number is registered already: in this organization, or verified as another's."""


class NumberRouting(Strict):
    """Whom a number leads to. An active workflow beats the assistant; the trunk carries transfers, outbound calls."""

    name: Label | None = None
    agent_id: Id | None = None
    transfer_trunk_id: Id | None = None
    workflow_id: Id | None = None
    is_active: bool = True


class NumberSettings(NumberRouting):
    """The writable members of a new number."""

    phone_number: E164


@dataclass(frozen=True)
class Number:
    """A registered number. `last_used_at` is when it last was the caller ID of an outbound call."""

    id: str
    org_id: str
    phone_number: str
    routing: NumberRouting
    verification: Verification
    version: int
    created_at: datetime
    updated_at: datetime
    last_used_at: datetime | None = None

    @property
    def references(self) -> list[Reference]:
        """The resources it uses."""
        return references_of(self.routing)

    @property
    def is_outbound_capable(self) -> bool:
        """Whether it may be shown as caller ID, as far as the number itself goes (its trunk must be active too)."""
        return self.routing.is_active and self.verification == "verified" and self.routing.transfer_trunk_id is not None

    def public(self, names: "NamesOfUsed") -> dict[str, Any]:
        """As responses show it, both spellings of the assistant's members."""
        routing, agent = self.routing, names.agent
        return {
            "id": self.id,
            "phone_number": self.phone_number,
            "name": routing.name,
            "agent_id": routing.agent_id,
            "agent_name": agent.get("name"),
            "assistant_id": routing.agent_id,
            "assistant_name": agent.get("name"),
            "business_name": agent.get("business_name"),
            "transfer_trunk_id": routing.transfer_trunk_id,
            "transfer_trunk_name": names.trunk.get("name"),
            "workflow_id": routing.workflow_id,
            "workflow_name": names.workflow.get("name"),
            "source": None,
            "is_active": routing.is_active,
            "verification": self.verification,
            "created_at": to_wire(self.created_at),
            "updated_at": to_wire(self.updated_at),
        }


@dataclass(frozen=True)
class NamesOfUsed:
    """Items of what a number uses, empty where it uses nothing; only their names are read."""

    agent: Mapping[str, Any]
    trunk: Mapping[str, Any]
    workflow: Mapping[str, Any]


_USED = {"agent_id": "ASSISTANT", "transfer_trunk_id": "TRUNK", "workflow_id": "WORKFLOW"}


def references_of(routing: NumberRouting) -> list[Reference]:
    """The resources a number's members name; each is checked in the organization when it is written."""
    return [Reference(kind, used, name) for name, kind in _USED.items() if (used := getattr(routing, name)) is not None]
