"""What must hold of the other resources an assistant names."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from sovereign.assistants.settings import AssistantMembers
from sovereign.assistants.templates import place, templates_in
from sovereign.kernel.errors import InvalidRequestError
from sovereign.kernel.references import Reference, missing, resource_ref
from sovereign.kernel.table import Item, Ref, Table

MAX_REFERENCES = 40
"""Distinct resources one assistant may name: each takes two writes of a transaction's hundred."""

NOTHING: Final[Mapping[Ref, Item]] = MappingProxyType({})
"""Nothing was read before."""


def bound(references: Sequence[Reference]) -> None:
    """Raise InvalidRequestError when there are more than a transaction can hold."""
    if len({(r.kind, r.id) for r in references}) > MAX_REFERENCES:
        raise InvalidRequestError(details=[f"body: names more than {MAX_REFERENCES} servers and templates"])


def reference_problems(
    references: Sequence[Reference], org_id: str, found: Mapping[Ref, Item], members: AssistantMembers
) -> Sequence[str]:
    """What of the references is not among the items `found`, else which template's tool is named like another."""
    tools = members.llm_config.tools if members.llm_config else []
    return missing(references, org_id, dict(found)) or place(tools, templates_in(found))[1]


def checked(
    table: Table,
    org_id: str,
    references: Sequence[Reference],
    members: AssistantMembers,
    at_hand: Mapping[Ref, Item] = NOTHING,
) -> dict[Ref, Item]:
    """The items the references lead to; one request for those that are not `at_hand`.

    Raises InvalidRequestError naming each that is not the organization's, or whose tool has another's name.
    """
    bound(references)
    keys = {resource_ref(org_id, r.kind, r.id) for r in references}
    found = {key: at_hand[key] for key in keys if key in at_hand}
    found |= table.get_many([*(keys - found.keys())], consistent=True)
    require(reference_problems(references, org_id, found, members))
    return found


def require(problems: Sequence[str]) -> None:
    """Raise InvalidRequestError when there are any."""
    if problems:
        raise InvalidRequestError(details=problems)
