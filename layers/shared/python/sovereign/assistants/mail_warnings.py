"""Says when addresses are named that no report can be mailed to yet."""

from collections.abc import Mapping
from typing import Any

from sovereign.domains import DomainStore
from sovereign.kernel.table import Table

_MEMBERS = ("notification_email", "notification_emails")


def mail_warnings(table: Table, org_id: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """One line per member that was given addresses while the organization has no verified domain.

    One request, where addresses were given.
    """
    named = [name for name in _MEMBERS if after[name] and after[name] != before.get(name)]
    domain = DomainStore(table).find(org_id) if named else None
    if domain and domain.can_send:
        return []
    return [f"{name}: no mail is sent until the organization has a verified domain (/domains)" for name in named]
