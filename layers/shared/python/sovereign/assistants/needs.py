"""What an assistant names, kept where its organization's numbers lie: a dial reads both in its first request, and the
templates themselves in its second, with everything else."""

from collections.abc import Iterable, Sequence

from sovereign.kernel.references import Reference
from sovereign.kernel.table import Delete, Item, Put, Ref
from sovereign.kernel.unit_of_work import UnitOfWork

__all__ = ["move_needs", "needed_by", "needs_ref"]


def needs_ref(org_id: str, assistant_id: str) -> Ref:
    """The item of an assistant that names anything; it sorts before the numbers."""
    return Ref(f"ORG#{org_id}", f"NEEDS#{assistant_id}")


def needed_by(org_id: str, item: Item | None) -> list[Ref]:
    """The keys of what such an item names."""
    return [Ref(f"ORG#{org_id}", name) for name in item["names"]] if item else []


def move_needs(
    unit: UnitOfWork, org_id: str, assistant_id: str, before: Sequence[Reference], after: Sequence[Reference]
) -> None:
    """Keep the item as the assistant is from this transaction on."""
    ref = needs_ref(org_id, assistant_id)
    if names := _names(after):
        unit.add(Put({**ref._asdict(), "names": names}))
    elif before:
        unit.add(Delete(ref))


def _names(references: Iterable[Reference]) -> list[str]:
    return [*dict.fromkeys(f"{reference.kind}#{reference.id}" for reference in references)]
