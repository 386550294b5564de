"""What is promised to who is rung, looked at whenever a phone rings."""

from collections import Counter
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sovereign.campaigns import CampaignSettings
from sovereign.campaigns.lead import Lead
from tests.component.campaigns.simulation.chances import OutOfHoursError, inside

STOPPED_WITHIN = timedelta(seconds=5)
"""From the answer to a pause to the last ring (spec: Campaigns), and so from the claim of a lead to its ring."""


class Ring(NamedTuple):
    """A phone that rang."""

    number: str
    attempt: int
    at: datetime
    campaign_id: str


class Promises:
    """The phones that rang so far."""

    def __init__(self) -> None:
        self.rings: list[Ring] = []
        self._stopped: dict[str, datetime] = {}
        self._of_lead: Counter[str] = Counter()
        self._of_day: Counter[tuple[str, str]] = Counter()

    def moved(self, campaign_id: str, status: str, now: datetime) -> None:
        """A user was answered that a campaign has this status."""
        if status == "scheduled":
            self._stopped.pop(campaign_id, None)
        else:
            self._stopped.setdefault(campaign_id, now)

    def rang(self, lead: Lead, settings: CampaignSettings, now: datetime) -> None:
        """A lead's phone rings; `settings` are those its call was committed under."""
        self.rings.append(Ring(lead.phone_number, lead.attempts, now, lead.campaign_id))
        zone = ZoneInfo(lead.timezone or settings.timezone)
        if not inside(now.astimezone(zone), settings):
            raise OutOfHoursError(now, zone.key, settings)
        since_stop = now - self._stopped.get(lead.campaign_id, now)
        assert since_stop <= STOPPED_WITHIN, (since_stop, lead)
        self._of_lead[lead.id] += 1
        assert self._of_lead[lead.id] <= settings.retry.max_attempts, (settings.retry, lead)
        assert lead.last_attempt_at
        assert now - lead.last_attempt_at <= STOPPED_WITHIN, "it rings late"
        day = lead.phone_number, lead.last_attempt_at.astimezone(zone).date().isoformat()
        self._of_day[day] += 1
        assert self._of_day[day] <= settings.retry.max_attempts_per_day, (settings.retry, day)
