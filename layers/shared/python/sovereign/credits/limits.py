"""The minutes a parent lets a child organization use in a calendar month."""

from datetime import datetime

from sovereign.kernel.errors import InsufficientCreditsError
from sovereign.kernel.table import Item
from sovereign.organizations import Organization
from sovereign.usage.store import month_minutes

__all__ = ["check_monthly_minutes"]


def check_monthly_minutes(organization: Organization, usage_counter: Item | None, now: datetime) -> None:
    """Whether one more call may start, by the organization's usage counter as just read (None: nothing was used yet).

    Raises InsufficientCreditsError once the minutes of this month (UTC) reach `monthly_minutes_limit`.
    """
    limit = organization.monthly_minutes_limit
    if limit is not None and month_minutes(usage_counter, now) >= limit:
        raise InsufficientCreditsError("The organization's minutes of this month are used up.")
