"""An organization together with what other resources count for it, in one request."""

from sovereign.calls import keys as call_keys
from sovereign.kernel.clock import Clock, utc_now
from sovereign.kernel.errors import NotFoundError
from sovereign.kernel.table import Table
from sovereign.organizations.items import counters_ref, from_item, organization_ref
from sovereign.organizations.model import Organization, OrganizationCounts
from sovereign.usage.store import month_minutes, usage_counter_ref


def read_overview(table: Table, org_id: str, clock: Clock = utc_now) -> tuple[Organization, OrganizationCounts]:
    """The organization and its counts now. One request. Raises NotFoundError."""
    own, objects = organization_ref(org_id), counters_ref(org_id)
    calls, usage = call_keys.counter_ref(org_id), usage_counter_ref(org_id)
    found = table.get_many([own, objects, calls, usage], consistent=True)
    if own not in found:
        raise NotFoundError("no such organization")
    counts = OrganizationCounts(
        active_numbers=found.get(objects, {}).get("active_numbers", 0),
        active_agents=found.get(objects, {}).get("active_agents", 0),
        active_calls=found.get(calls, {}).get("active_calls", 0),
        monthly_usage_minutes=month_minutes(found.get(usage), clock()),
    )
    return from_item(found[own]), counts
