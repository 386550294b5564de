"""How leads and campaigns end: each move one transaction with the counts and the fact. Late or repeated news is
recognised by the call it is about, and changes nothing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sovereign.calls import keys
from sovereign.calls.items import call_from_item
from sovereign.calls.model import CallRef, EndReason
from sovereign.campaigns.claim import ASK_AFTER, attempts_of_day, link_ref
from sovereign.campaigns.facts import COMPLETED, campaign_fact, lead_fact
from sovereign.campaigns.items import (
    calling_shard,
    campaign_from_item,
    lead_from_item,
    lead_ref,
    waiting_shard,
    zone_count,
)
from sovereign.campaigns.lead import Lead
from sovereign.campaigns.model import KIND, Campaign
from sovereign.campaigns.outcomes import CallEnd, Step, next_step
from sovereign.kernel.clock import Clock, to_wire, utc_now
from sovereign.kernel.conditions import Condition
from sovereign.kernel.references import resource_ref
from sovereign.kernel.table import Attr, ConditionFailed, Item, Ref, Table, Update, Write, present

_ENDED_UNSEEN = EndReason.DIAL_FAILED
"""What is taken for the end of a call whose row is gone: it may have rung."""


class LeadMoves:
    """Moves of leads that are not claims."""

    def __init__(self, table: Table, *, clock: Clock = utc_now) -> None:
        self._table = table
        self._clock = clock

    def call_ended(self, org_id: str, call_id: str) -> bool:
        """Note the end of a call, if it is a campaign's: three requests, else one. False when nothing changed."""
        link_key, lookup_key = link_ref(org_id, call_id), keys.lookup_ref(org_id, call_id)
        known = self._table.get_many([link_key, lookup_key], consistent=True)
        link = known.get(link_key)
        if link is None:
            return False
        campaign_key = resource_ref(org_id, KIND, link["campaign_id"])
        lead_key = lead_ref(org_id, link["campaign_id"], link["lead_id"])
        numbers = [known[lookup_key]["number"]] if lookup_key in known else []
        rows = [keys.row_ref(CallRef(org_id, call_id, number)) for number in numbers]
        found = self._table.get_many([campaign_key, lead_key, *rows], consistent=True)
        if campaign_key not in found or lead_key not in found:
            return False
        campaign = campaign_from_item(found[campaign_key])
        lead = lead_from_item(found[lead_key], campaign)
        if lead.status != "calling" or lead.call_id != call_id:
            return False
        end = _end_of(next((found[row] for row in rows if row in found), None))
        return end is not None and self._settle(campaign, lead, end, link.get("day"))

    def ask_overdue(self, campaign: Campaign) -> None:
        """Look at the calls of which nothing was heard for long; one that still runs is looked at later again."""
        now = self._clock()
        for mark in list(self._table.query(calling_shard(campaign.id), index="due", between=("0", to_wire(now)))):
            item = self._table.get(Ref(mark["pk"], mark["sk"]), consistent=True)
            if item is None or item["status"] != "calling":
                continue
            if not self.call_ended(campaign.org_id, item["call_id"]):
                self._mark(Ref(mark["pk"], mark["sk"]), item["due_at"], now + ASK_AFTER)

    def skip(self, campaign: Campaign, lead: Lead, due_at: str, reason: str) -> bool:
        """Give up a lead that waits, with the reason."""
        return self.end(campaign, lead, due_at, Step("skipped", reason))

    def end(self, campaign: Campaign, lead: Lead, due_at: str, step: Step) -> bool:
        """Let a lead that waits be over."""
        return self._finish(campaign, lead, step, _waits(due_at), {"pending_leads": -1})

    def defer(self, campaign: Campaign, lead: Lead, due_at: str, until: datetime) -> None:
        """Let a lead wait longer."""
        self._mark(lead_ref(campaign.org_id, campaign.id, lead.id), due_at, until)

    def complete(self, campaign: Campaign) -> bool:
        """Complete a campaign none of whose leads waits, is being called or imported; True when this did it."""
        now = self._clock()
        done = replace(campaign, version=campaign.version + 1)
        nothing_left = _none("pending_leads") & _none("calling_leads") & _none("open_imports")
        update = Update(
            resource_ref(campaign.org_id, KIND, campaign.id),
            set={"status": "completed", "version": done.version, "updated_at": to_wire(now)},
            remove=["due_shard", "due_at"],
            condition=Attr("status").eq("scheduled") & Attr("version").eq(campaign.version) & nothing_left,
        )
        fact = campaign_fact(COMPLETED, campaign.org_id, campaign.id, done.version, now)
        return self._done([update, fact])

    def _settle(self, campaign: Campaign, lead: Lead, end: CallEnd, day: str | None) -> bool:
        """`day` is the one on which the number's attempt was counted."""
        now = self._clock()
        step = next_step(
            end,
            attempts=lead.attempts,
            unrung=lead.unrung,
            retry=campaign.settings.retry,
            now=now,
            ended_for_good=not campaign.is_open,
        )
        during = Attr("status").eq("calling") & Attr("call_id").eq(lead.call_id)
        back: list[Write] = []
        if day and not step.counted:
            back.append(attempts_of_day(campaign.org_id, lead.phone_number, day, -1, now))
        moved = self._finish(campaign, lead, step, during, {"calling_leads": -1}, also=back)
        counts = campaign.stored_counts
        if moved and step.due_at is None and counts.pending == 0 and counts.calling <= 1:
            self.complete(campaign)
        return moved

    def _finish(
        self,
        campaign: Campaign,
        lead: Lead,
        step: Step,
        condition: Condition,
        less: dict[str, int],
        *,
        also: Sequence[Write] = (),
    ) -> bool:
        now = self._clock()
        waits, unrung = {}, 0 if step.counted else lead.unrung + 1
        if step.due_at is not None:
            shard = waiting_shard(campaign.id, lead.timezone, lead.number)
            waits = {"due_shard": shard, "due_at": to_wire(step.due_at)}
        update = Update(
            lead_ref(campaign.org_id, campaign.id, lead.id),
            set={"status": step.status, "outcome": step.outcome, "unrung": unrung, **waits},
            add={} if step.counted else {"attempts": -1},
            remove=() if waits else ("due_shard", "due_at"),
            condition=condition,
        )
        moves = {**less, f"{step.status}_leads": 1}
        if zone := int(step.status == "pending") - int("pending_leads" in less):
            moves[zone_count(lead.timezone)] = zone
        writes: list[Write] = [
            update,
            Update(resource_ref(campaign.org_id, KIND, campaign.id), add=moves, condition=present),
            *also,
        ]
        if step.due_at is None:
            told = {"status": step.status, "outcome": step.outcome, "call_id": lead.call_id, "attempts": lead.attempts}
            writes.append(lead_fact(campaign.org_id, campaign.id, lead.id, at=now, **told))  # type: ignore[arg-type]
        return self._done(writes)

    def _mark(self, ref: Ref, seen: str, until: datetime) -> None:
        try:
            self._table.update(Update(ref, set={"due_at": to_wire(until)}, condition=Attr("due_at").eq(seen)))
        except ConditionFailed:
            return

    def _done(self, writes: list[Write]) -> bool:
        try:
            self._table.transact(writes)
        except ConditionFailed:
            return False
        return True


def _end_of(row: Item | None) -> CallEnd | None:
    """How a call ended; None while it runs."""
    if row is None:
        return CallEnd(_ENDED_UNSEEN)
    call = call_from_item(row)
    if not call.is_over:  # a bridged one has its last status while the lead is still on the line
        return None
    return CallEnd(call.end_reason or _ENDED_UNSEEN, call.started_at is not None, call.unrung)


def _waits(due_at: str) -> Condition:
    return Attr("status").eq("pending") & Attr("due_at").eq(due_at)


def _none(count: str) -> Condition:
    return Attr(count).not_exists() | Attr(count).eq(0)
