"""Minutes an operator adds; the balance moves only together with a ledger entry."""

from sovereign.kernel import ids
from sovereign.kernel.clock import Clock, to_wire, utc_now
from sovereign.kernel.errors import InvalidRequestError, NotFoundError
from sovereign.kernel.table import Attr, ConditionFailed, Put, Table, Update, absent, present
from sovereign.organizations.items import organization_ref
from sovereign.organizations.store import OrganizationStore


def add_minutes(table: Table, org_id: str, minutes: int, clock: Clock = utc_now) -> float:
    """Add minutes to a top-level organization and return its balance. Raises NotFoundError, or InvalidRequestError for
    a child, which draws on its parent's balance."""
    moment = to_wire(clock())
    entry = {
        "pk": f"ORG#{org_id}#LEDGER",
        "sk": f"{moment}#{ids.new_id()}",
        "kind": "add",
        "minutes": minutes,
        "org_id": org_id,
        "created_at": moment,
    }
    top_level = present & Attr("parent_org_id").attribute_type("NULL")
    added = Update(organization_ref(org_id), add={"minutes_balance": minutes}, condition=top_level)
    try:
        table.transact([added, Put(entry, absent)])
    except ConditionFailed as failure:
        if failure.old is None:
            raise NotFoundError("no such organization") from None
        raise InvalidRequestError("a child organization draws on its parent's balance; add minutes there") from None
    return OrganizationStore(table).get(org_id).minutes_balance
