"""The engine of one campaign: paces, claims and dials for up to 50 s, then says when it wants to be called again.

All that matters is in the table. An engine that stops between any two lines, runs twice, or comes too late changes
nothing that another does not find as it should be: see `claim.py` for why nobody is rung twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sovereign.calls import keys
from sovereign.calls.limits import LimitReachedError
from sovereign.calls.model import CallRef, EndReason
from sovereign.calls.outbound import OutboundCalls, OutboundOrder
from sovereign.campaigns.claim import Claim, ClaimLostError, DailyLimitError, ListedError, our_turn
from sovereign.campaigns.fleet import Fleet
from sovereign.campaigns.items import campaign_from_item
from sovereign.campaigns.lead import Lead
from sovereign.campaigns.lead_moves import LeadMoves
from sovereign.campaigns.model import KIND, Campaign
from sovereign.campaigns.outcomes import out_of_attempts
from sovereign.campaigns.pacing import Pace
from sovereign.campaigns.room import LONGEST_NAP, SharedRoom
from sovereign.campaigns.template import MissingVariableError, fill
from sovereign.campaigns.waiting import WaitingLeads
from sovereign.campaigns.window import MARGIN, UnknownZoneError, Window
from sovereign.do_not_call import entry_ref
from sovereign.kernel.backoff import chance
from sovereign.kernel.clock import Clock, to_wire
from sovereign.kernel.errors import BodyTooLargeError, DestinationNotAllowedError, DomainError, UnavailableError
from sovereign.kernel.phone import check_e164
from sovereign.kernel.references import resource_ref
from sovereign.kernel.table import Attr, ConditionFailed, Item, Table, Update

TURN = timedelta(seconds=50)
IDLE = timedelta(seconds=65)
"""Nothing is due: three transitions for each wait, at most three a minute."""
LONGEST_IDLE = timedelta(minutes=10)
"""Leads that are added meanwhile make the minute's sweep start a new execution, unless this one wakes in time."""
HELD = timedelta(minutes=5)
"""Something that only a person changes is in the way: no credits, no number, an inactive assistant."""
UNATTENDED_AFTER = timedelta(seconds=60)
"""An execution that has not renewed its mark by then is taken for dead, and another started."""
_NODES_MISSED = timedelta(seconds=30)
"""Media nodes that are replaced are back within it."""
_RENEWED_EACH = timedelta(seconds=15)


def attended(version: int, until: str, *, wakes_at: str | None = None) -> dict[str, Any]:
    """What an execution leaves at its campaign for the sweep (`Run`)."""
    return {"due_at": until, "attended_until": until, "attended_version": version, "wakes_at": wakes_at}


@dataclass(frozen=True)
class Turn:
    """What the state machine does next; `until` belongs to `wait`."""

    next: Literal["again", "wait", "done"]
    until: datetime | None = None

    def answer(self) -> dict[str, str]:
        """As the state machine reads it."""
        return {"next": self.next, "until": to_wire(self.until) if self.until else ""}


class _StoppedError(Exception):
    """Not our turn any more."""


class _WaitError(Exception):
    """Nothing to do before a moment."""

    def __init__(self, until: datetime, hold: str | None = None) -> None:
        super().__init__()
        self.until = until
        self.hold = hold


class _SkipError(Exception):
    """The lead is not rung, for a reason that will not go away."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class CampaignRunner:
    """`hand_over` gives a committed call to a media node, `sleep` waits in seconds, `chance` is from 0 to 1."""

    table: Table
    outbound: OutboundCalls
    moves: LeadMoves
    fleet: Fleet
    clock: Clock
    sleep: Callable[[float], None]
    hand_over: Callable[[CallRef], None]
    chance: Callable[[], float] = chance
    waiting: WaitingLeads = field(init=False)
    _attended_at: datetime = field(init=False)
    _due_at: str | None = field(init=False, default=None)
    _counter: Item | None = field(init=False, default=None)
    _room: SharedRoom = field(init=False)

    def run(self, org_id: str, campaign_id: str, generation: int) -> Turn:
        """One turn of the execution that has this generation."""
        self.waiting = WaitingLeads(self.table)
        self._room = SharedRoom(self.fleet, self.chance)
        deadline = self.clock() + TURN
        try:
            campaign = self._load(org_id, campaign_id, generation)
            self._attended_at = self.clock()
            self._attend(campaign)
            self.moves.ask_overdue(campaign)
            while self.clock() < deadline:
                campaign = self._load(org_id, campaign_id, generation)
                if self.clock() >= self._attended_at + _RENEWED_EACH:
                    self._attend(campaign)
                try:
                    self._step(campaign)
                except _WaitError as wait:
                    if self._attend(campaign, wait):
                        return Turn("wait", wait.until)
                    self.waiting = WaitingLeads(self.table)  # what was read may be older than what was added
                    self.sleep(LONGEST_NAP)
            self._attend(self._load(org_id, campaign_id, generation))
        except _StoppedError:
            return Turn("done")
        return Turn("again")

    def _load(self, org_id: str, campaign_id: str, generation: int) -> Campaign:
        own, counter = resource_ref(org_id, KIND, campaign_id), keys.counter_ref(org_id)
        found = self.table.get_many([own, counter], consistent=True)
        self._counter, item = found.get(counter), found.get(own)
        if item is None:
            raise _StoppedError
        campaign = campaign_from_item(item)
        self._due_at = campaign.run.due_at
        if campaign.status != "scheduled" or campaign.run.generation != generation:
            raise _StoppedError
        return campaign

    def _attend(self, campaign: Campaign, wait: _WaitError | None = None) -> bool:
        """Tell the minute's sweep until when it need not look; False when the campaign was changed, or leads were
        added, since it was read: then the mark stays, so that they are not slept over."""
        now = self.clock()
        until = to_wire((wait.until if wait else now) + UNATTENDED_AFTER)
        hold = wait.hold if wait else campaign.run.hold
        ref = resource_ref(campaign.org_id, KIND, campaign.id)
        marks = attended(campaign.version, until, wakes_at=to_wire(wait.until) if wait else None)
        unchanged = our_turn(campaign) & Attr("due_at").eq(self._due_at)
        try:
            self.table.update(Update(ref, set=marks | {"hold": hold}, condition=unchanged))
        except ConditionFailed:
            return False
        self._attended_at, self._due_at = now, until
        return True

    def _step(self, campaign: Campaign) -> None:
        """Wait for what has to be waited for, or dial one lead."""
        now = self.clock()
        window = campaign.settings.window
        open_zones, opens_at = window.openings(now, campaign.zones, campaign.settings.timezone)
        counts = campaign.stored_counts
        had_leads = campaign.run.added_at or counts.total  # one that never had any waits for its first
        if had_leads and not counts.pending and not counts.calling and self.moves.complete(campaign):
            raise _StoppedError
        if counts.pending and not counts.calling and not open_zones and opens_at is not None:
            raise _WaitError(opens_at)
        found = self.waiting.next(campaign, open_zones, now)
        if found is None:
            raise _WaitError(self._idle_until(campaign, open_zones, opens_at, now))
        if self.fleet.gone_for(now) >= _NODES_MISSED:
            raise _WaitError(now + IDLE, EndReason.NO_CAPACITY)
        pace = Pace(campaign.run.next_call_ms, campaign.settings.calls_per_second)
        nap = min(LONGEST_NAP, pace.wait_ms(_ms(now)) / 1000)
        if counts.calling >= campaign.settings.max_concurrency:
            nap = max(nap, LONGEST_NAP)
        nap = max(nap, self._room.wait(self._counter, now))
        if nap > 0:
            self.waiting.keep(*found)
            self.sleep(nap)
            return
        self._dial(campaign, window, *found)

    def _idle_until(
        self, campaign: Campaign, zones: Sequence[str], opens_at: datetime | None, now: datetime
    ) -> datetime:
        """When to look again: soon while calls are up, else when the next lead of an open zone is due or another zone
        opens."""
        if campaign.stored_counts.calling:
            return now + IDLE
        latest, run = now + LONGEST_IDLE, campaign.run
        since = max(now - LONGEST_IDLE, run.started_at or now)
        if run.added_at and run.added_at > to_wire(since):
            latest = now + IDLE  # more may come: an execution that wakes itself is cheaper than a new one for each
        due = self.waiting.next_due(campaign, zones)
        return max(now + IDLE, min(due or latest, opens_at or latest, latest))

    def _dial(self, campaign: Campaign, window: Window, lead: Lead, due_at: str) -> None:
        zone, now = lead.timezone or campaign.settings.timezone, self.clock()
        if over := out_of_attempts(lead.outcome, attempts=lead.attempts, retry=campaign.settings.retry):
            self.moves.end(campaign, lead, due_at, over)
            return
        try:
            ref = self._attempt(Claim(campaign, lead, due_at, now), window, zone)
        except _SkipError as skip:
            self.moves.skip(campaign, lead, due_at, skip.reason)
        except DailyLimitError:
            self.moves.defer(campaign, lead, due_at, window.next_opening(window.next_day(now, zone), zone))
        except ClaimLostError:
            return  # what is read next is what somebody else made of it
        except LimitReachedError as limit:
            self.waiting.keep(lead, due_at)
            if (limit.retry_after or 0) > IDLE.total_seconds():
                raise _WaitError(now + HELD, limit.machine_code) from limit
            self.sleep(self._room.met(limit, self.clock()))
        except UnavailableError:
            self.waiting.keep(lead, due_at)
            self.sleep(self._room.until_next_look())
        except DomainError as problem:
            raise _WaitError(now + HELD, problem.machine_code) from problem
        else:
            self._room.placed(now)
            self.hand_over(ref)
            self._await_pace(Pace(campaign.run.next_call_ms, campaign.settings.calls_per_second).after_call(_ms(now)))

    def _await_pace(self, next_ms: int) -> None:
        """Only then the campaign is read again, once for each call."""
        if (wait := (next_ms - _ms(self.clock())) / 1000) > 0:
            self.sleep(min(wait, LONGEST_NAP))

    def _attempt(self, claim: Claim, window: Window, zone: str) -> CallRef:
        """Commit the call of a claim. Raises _SkipError for a lead that must not or cannot be rung."""
        campaign, lead = claim.campaign, claim.lead
        template = campaign.settings.system_message_template
        try:
            if not window.is_open(claim.now, zone):
                raise ClaimLostError  # it closed since it was looked at
            message = None if template is None else fill(template, lead.variables)
            _require_number(lead)
            return self._commit(claim, message)
        except UnknownZoneError as unknown:
            raise _SkipError("unknown_timezone") from unknown
        except MissingVariableError as missing:
            raise _SkipError(f"missing_variable: {missing.name}") from missing
        except BodyTooLargeError as filled:
            raise _SkipError("message_too_long") from filled
        except ListedError as listed:
            raise _SkipError("do_not_call") from listed
        except DestinationNotAllowedError as refused:
            raise _SkipError(self._why_not(campaign, lead)) from refused

    def _commit(self, claim: Claim, message: str | None) -> CallRef:
        settings = claim.campaign.settings
        order = OutboundOrder(
            destination=claim.lead.phone_number,
            number_id=settings.number_id,
            assistant_id=settings.agent_id,
            system_message=message,
            dial_before=claim.now + MARGIN,
        )
        return self.outbound.commit(claim.campaign.org_id, order, claim.writes)

    def _why_not(self, campaign: Campaign, lead: Lead) -> str:
        listed = entry_ref(campaign.org_id, lead.phone_number)
        if listed and self.table.get(listed, consistent=True):
            return "do_not_call"
        return "destination_not_allowed"


def _require_number(lead: Lead) -> None:
    """It was one when it was saved; what counts as one may have changed since."""
    try:
        check_e164(lead.phone_number)
    except ValueError as problem:
        raise _SkipError("invalid_number") from problem


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
