"""The operator's acts: each takes the table and the parsed options, and returns what is printed."""

from argparse import Namespace
from typing import Any

from sovereign.api_keys import ApiKeyStore
from sovereign.kernel.errors import NotFoundError
from sovereign.kernel.table import Table
from sovereign.organizations import OrganizationStore
from sovereign.organizations.balance import add_minutes


def create_organization(table: Table, options: Namespace) -> dict[str, Any]:
    """A top-level organization; the keys are shown this once."""
    created = OrganizationStore(table).create(options.name, billing_mode=options.billing_mode)
    printed = {"org_id": created.organization.id, "name": options.name, "billing_mode": options.billing_mode}
    printed |= {"api_key": created.secret, "api_key_id": created.key.id}
    if options.unlimited_rate_key:
        key, secret = ApiKeyStore(table).create(
            created.organization.id, parent_org_id=None, name="load", rate_limit_per_minute=None
        )
        printed |= {"load_api_key": secret, "load_api_key_id": key.id}
    return printed


def set_billing_mode(table: Table, options: Namespace) -> dict[str, Any]:
    """Change how an organization is billed; calls under way keep the mode they started with."""
    store = OrganizationStore(table)
    changed = store.update(store.get(options.org), {"billing_mode": options.billing_mode})
    return {"org_id": changed.id, "billing_mode": changed.billing_mode}


def add_credits(table: Table, options: Namespace) -> dict[str, Any]:
    """Add minutes, with a ledger entry."""
    return {"org_id": options.org, "minutes_balance": add_minutes(table, options.org, options.minutes)}


def verify_number(table: Table, options: Namespace) -> dict[str, Any]:
    """Confirm a pending number without waiting for a call to it."""
    from sovereign.numbers.store import NumberStore  # noqa: PLC0415 - phonenumbers is needed by this command only

    store = NumberStore(table)
    held = [holder for holder in store.holders(options.number) if holder.org_id == options.org]
    if not held:
        raise NotFoundError("that organization has not registered this number")
    number = store.verify(options.org, held[0].number_id)
    return {"org_id": options.org, "number_id": number.id, "verification": number.verification}


def set_key_limit(table: Table, options: Namespace) -> dict[str, Any]:
    """Change a key's rate limit; instances notice within seconds."""
    ApiKeyStore(table).set_rate_limit(options.org, options.key, options.per_minute)
    return {"org_id": options.org, "key_id": options.key, "rate_limit_per_minute": options.per_minute}
