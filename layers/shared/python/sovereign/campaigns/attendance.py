"""Sees to it that every campaign that runs has an execution: after its start, and each minute for what died. What
removed campaigns left is taken away in the time that remains."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sovereign.campaigns.items import CAMPAIGN_SHARDS, campaign_from_item
from sovereign.campaigns.lead_moves import LeadMoves
from sovereign.campaigns.model import KIND, Campaign
from sovereign.campaigns.removal import is_mark, take_away
from sovereign.campaigns.runner import IDLE, UNATTENDED_AFTER, attended
from sovereign.kernel.clock import Clock, from_wire, to_wire
from sovereign.kernel.observe import logger
from sovereign.kernel.references import resource_ref
from sovereign.kernel.table import Attr, ConditionFailed, Ref, Table, Update

Start = Callable[[str, str, int], None]
"""Starts the execution of a campaign's generation: organization, campaign, generation."""

_LOOK_AGAIN = timedelta(minutes=1)
_TIDYING = timedelta(seconds=40)
"""The function has 90 s, and the next minute's sweep goes on."""
_log = logger()


class Attendance:
    """Starts executions. Each start has a generation of its own, so a start that is repeated has no effect."""

    def __init__(self, table: Table, moves: LeadMoves, start: Start, *, clock: Clock) -> None:
        self._table = table
        self._moves = moves
        self._start = start
        self._clock = clock

    def sweep(self) -> int:
        """See to every campaign whose mark is due; returns how many executions were started."""
        started, until = 0, to_wire(self._clock())
        removed: list[Ref] = []
        for shard in CAMPAIGN_SHARDS:
            for mark in list(self._table.query(shard, index="due", between=("0", until))):
                ref = Ref(mark["pk"], mark["sk"])
                if is_mark(ref):
                    removed.append(ref)
                    continue
                try:
                    started += self._see_to(ref)
                except Exception:  # noqa: BLE001 - the next minute tries again; the others are due now
                    _log.exception("campaign_not_attended")
        self._tidy(removed)
        return started

    def see_to(self, org_id: str, campaign_id: str) -> bool:
        """See to one campaign now, if its mark is due."""
        return self._see_to(resource_ref(org_id, KIND, campaign_id))

    def succeed(self, org_id: str, campaign_id: str, generation: int) -> None:
        """Replace an execution whose history gets long by a new one."""
        item = self._table.get(resource_ref(org_id, KIND, campaign_id), consistent=True)
        if item and item["status"] == "scheduled" and item.get("generation") == generation:
            self._take_over(campaign_from_item(item), item["due_at"])

    def _tidy(self, removed: Sequence[Ref]) -> None:
        until = self._clock() + _TIDYING
        for mark in removed:
            try:
                take_away(self._table, mark, clock=self._clock, until=until)
            except Exception:  # noqa: BLE001 - as above
                _log.exception("removed_campaign_not_taken_away")

    def _see_to(self, ref: Ref) -> bool:
        item = self._table.get(ref, consistent=True)
        if item is None or item.get("due_at", "~") > to_wire(self._clock()):
            return False
        campaign = campaign_from_item(item)
        if campaign.status == "scheduled":
            return not _looks_by_itself(campaign, self._clock()) and self._take_over(campaign, item["due_at"])
        self._moves.ask_overdue(campaign)
        self._rest(campaign, item["due_at"])
        return False

    def _take_over(self, campaign: Campaign, seen: str) -> bool:
        generation, until = campaign.run.generation + 1, self._clock() + UNATTENDED_AFTER
        unchanged = Attr("due_at").eq(seen) & Attr("status").eq("scheduled")
        update = Update(
            resource_ref(campaign.org_id, KIND, campaign.id),
            set={"generation": generation, **attended(campaign.version, to_wire(until))},
            condition=unchanged,
        )
        try:
            self._table.update(update)
        except ConditionFailed:
            return False
        self._start(campaign.org_id, campaign.id, generation)
        return True

    def _rest(self, campaign: Campaign, seen: str) -> None:
        """A campaign that does not run is looked at until none of its leads is being called."""
        ref = resource_ref(campaign.org_id, KIND, campaign.id)
        unchanged = Attr("due_at").eq(seen) & Attr("status").eq(campaign.status)
        over = campaign.stored_counts.calling == 0
        later = {} if over else {"due_at": to_wire(self._clock() + _LOOK_AGAIN)}
        try:
            update = Update(ref, set=later, remove=["due_shard", "due_at"] if over else [], condition=unchanged)
            self._table.update(update)
        except ConditionFailed:
            return


def _looks_by_itself(campaign: Campaign, now: datetime) -> bool:
    """Whether an execution that lives comes soon enough to leads that were added. The mark then stays due: who takes it
    away would take the news from an execution that has not looked yet."""
    run = campaign.run
    if run.attended_until is None or run.attended_until <= to_wire(now) or run.attended_version != campaign.version:
        return False
    if run.wakes_at is None:
        return True
    wakes_at = from_wire(run.wakes_at)
    if run.hold is not None or wakes_at <= now + IDLE:
        return True
    settings = campaign.settings
    open_zones, opens_at = settings.window.openings(now, campaign.zones, settings.timezone)
    return not open_zones and (opens_at is None or opens_at >= wakes_at)
