"""The claim of a lead: what commits together with the row of its call, so that no crash rings anybody twice.

One transaction holds the call, the lead's move to `calling`, the campaign's counts and pace, the number's count of the
day, and the check that the number is not on the do-not-call list at that moment. Whoever comes second finds a failed
condition and has rung nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sovereign.calls import keys
from sovereign.campaigns.items import calling_shard, lead_ref, zone_count
from sovereign.campaigns.lead import Lead
from sovereign.campaigns.model import KIND, Campaign
from sovereign.campaigns.pacing import Pace
from sovereign.do_not_call import entry_ref
from sovereign.kernel.clock import to_wire
from sovereign.kernel.conditions import Condition
from sovereign.kernel.references import resource_ref
from sovereign.kernel.table import Attr, Check, Item, Put, Ref, Update, Write, absent
from sovereign.kernel.unit_of_work import Meaning

ASK_AFTER = timedelta(minutes=3)
"""When nothing was heard of a call for so long, the engine looks at its row itself."""
_DAY_KEPT = timedelta(days=3)


class ClaimLostError(Exception):
    """Somebody else was first, or the campaign was changed: read it again."""


class ListedError(Exception):
    """The number is on the do-not-call list."""


class DailyLimitError(Exception):
    """The number was rung as often as it may be on one of its days."""


def link_ref(org_id: str, call_id: str) -> Ref:
    """Leads from a call to its lead; erased with the call's other metadata."""
    return Ref(keys.own_key(org_id, call_id), keys.CAMPAIGN_LINK)


def attempts_of_day(org_id: str, phone_number: str, day: str, by: int, now: datetime) -> Update:
    """Counts attempts at a number on one of its days, or (-1) takes one back that rang nobody."""
    return Update(
        Ref(f"ORG#{org_id}#DIALLED#{day}", phone_number),
        set={"expires_at": int((now.astimezone(UTC) + _DAY_KEPT).timestamp())},
        add={"attempts": by},
    )


@dataclass(frozen=True)
class Claim:
    """One attempt at a lead, as `campaign` and `lead` were read; `due_at` is the lead's mark as it was found."""

    campaign: Campaign
    lead: Lead
    due_at: str
    now: datetime

    def writes(self, call_id: str) -> Sequence[tuple[Write, Meaning]]:
        """Each write with what its failed condition means."""
        org_id = self.campaign.org_id
        link = {
            **link_ref(org_id, call_id)._asdict(),
            "campaign_id": self.campaign.id,
            "lead_id": self.lead.id,
            "day": self._day,
        }
        writes: list[tuple[Write, Meaning]] = [
            (self._lead(call_id), _lost),
            (self._campaign(), _lost),
            (Put(link, absent), _lost),
            (self._attempts_of_day(), lambda _old: DailyLimitError()),
        ]
        if listed := entry_ref(org_id, self.lead.phone_number):
            writes.append((Check(listed, absent), lambda _old: ListedError()))
        return writes

    def _lead(self, call_id: str) -> Update:
        return Update(
            lead_ref(self.campaign.org_id, self.campaign.id, self.lead.id),
            set={
                "status": "calling",
                "outcome": None,
                "call_id": call_id,
                "last_attempt_at": to_wire(self.now),
                "due_shard": calling_shard(self.campaign.id),
                "due_at": to_wire(self.now + ASK_AFTER),
            },
            add={"attempts": 1},
            condition=Attr("status").eq("pending") & Attr("due_at").eq(self.due_at),
        )

    def _campaign(self) -> Update:
        campaign, run = self.campaign, self.campaign.run
        now_ms = int(self.now.timestamp() * 1000)
        minute = now_ms // 60_000
        before = {0: run.minute_dialled, 1: 0}.get(minute - run.minute, 0)
        last = {0: run.last_minute_dialled, 1: run.minute_dialled}.get(minute - run.minute, 0)
        pace = Pace(run.next_call_ms, campaign.settings.calls_per_second)
        unpaced = Attr("next_call_ms")
        same_pace = unpaced.not_exists() if run.next_call_ms is None else unpaced.eq(run.next_call_ms)
        return Update(
            resource_ref(campaign.org_id, KIND, campaign.id),
            set={
                "next_call_ms": pace.after_call(now_ms),
                "minute": minute,
                "minute_dialled": before + 1,
                "last_minute_dialled": last,
                "hold": None,
            },
            add={"pending_leads": -1, zone_count(self.lead.timezone): -1, "calling_leads": 1, "dialled": 1},
            condition=our_turn(campaign) & same_pace & _below("calling_leads", campaign.settings.max_concurrency),
        )

    @property
    def _day(self) -> str:
        zone = ZoneInfo(self.lead.timezone or self.campaign.settings.timezone)
        return self.now.astimezone(zone).date().isoformat()

    def _attempts_of_day(self) -> Update:
        counted = attempts_of_day(self.campaign.org_id, self.lead.phone_number, self._day, 1, self.now)
        return replace(counted, condition=_below("attempts", self.campaign.settings.retry.max_attempts_per_day))


def our_turn(campaign: Campaign) -> Condition:
    """Condition: it runs, as it was read, and no newer execution has taken over."""
    return (
        Attr("status").eq("scheduled")
        & Attr("version").eq(campaign.version)
        & Attr("generation").eq(campaign.run.generation)
    )


def _below(name: str, bound: int) -> Condition:
    return Attr(name).not_exists() | Attr(name).lt(bound)


def _lost(_old: Item | None) -> Exception:
    return ClaimLostError()
