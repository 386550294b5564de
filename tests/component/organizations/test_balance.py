"""Minutes an operator adds."""

import pytest

from sovereign.kernel.errors import InvalidRequestError, NotFoundError
from sovereign.kernel.table import Table
from sovereign.organizations import OrganizationStore
from sovereign.organizations.balance import add_minutes


def test_balance_moves_with_a_ledger_entry(table: Table) -> None:
    org_id = OrganizationStore(table).create("Acme", billing_mode="metered").organization.id
    assert add_minutes(table, org_id, 100) == 100
    assert add_minutes(table, org_id, 50) == 150
    entries = list(table.query(f"ORG#{org_id}#LEDGER"))
    assert sorted(entry["minutes"] for entry in entries) == [50, 100]


def test_unknown_organization_is_not_made(table: Table) -> None:
    with pytest.raises(NotFoundError):
        add_minutes(table, "nobody", 100)
    assert list(table.query("ORG#nobody#LEDGER")) == []


def test_child_has_no_balance_of_its_own(table: Table) -> None:
    store = OrganizationStore(table)
    parent = store.create("Acme", billing_mode="metered").organization.id
    child = store.create("Child", billing_mode="metered", parent_org_id=parent).organization
    assert child.payer_id == parent
    with pytest.raises(InvalidRequestError):
        add_minutes(table, child.id, 100)
