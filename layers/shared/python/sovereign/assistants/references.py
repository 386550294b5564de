"""What must hold of the other resources an assistant names."""

from collections.abc import Mapping, Sequence

from sovereign.assistants.settings import AssistantMembers
from sovereign.assistants.templates import place, templates_in
from sovereign.kernel.errors import InvalidRequestError
from sovereign.kernel.references import Reference, missing
from sovereign.kernel.table import Item, Ref

MAX_REFERENCES = 40
"""Distinct resources one assistant may name: each takes two writes of a transaction's hundred."""


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
