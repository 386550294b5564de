"""From where calls are accepted at all, over every organization: one counter per registered CIDR.

It answers "has anybody registered this source" with one request, so an unknown source learns nothing about numbers.
"""

from collections.abc import Iterable

from sovereign.kernel.table import Ref, Table, Update
from sovereign.kernel.unit_of_work import UnitOfWork
from sovereign.sip_trunks.addresses import enclosing, source_address


def move_sources(unit: UnitOfWork, before: Iterable[str], after: Iterable[str]) -> None:
    """Count the CIDRs a trunk accepts no longer, or accepts from now on."""
    old, new = set(before), set(after)
    for cidr in sorted(old - new):
        unit.add(Update(_ref(cidr), add={"trunk_count": -1}))
    for cidr in sorted(new - old):
        unit.add(Update(_ref(cidr), add={"trunk_count": 1}))


def is_known_source(table: Table, source: str) -> bool:
    """Whether any active trunk of any organization accepts this address (one request)."""
    address = source_address(source)
    if address is None:
        return False
    found = table.get_many([_ref(cidr) for cidr in enclosing(address)])
    return any(item["trunk_count"] > 0 for item in found.values())


def _ref(cidr: str) -> Ref:
    return Ref(f"SOURCE#{cidr}", "SOURCE")
