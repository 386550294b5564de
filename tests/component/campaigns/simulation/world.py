"""Campaigns in virtual time: the engine, the outbound path and the stores are the real ones; the table is in memory,
the phones, the state machine and the users are made up from a seed.

Everything that can go wrong does: writes are interrupted before and after they commit, executions die, run twice or
meet each other between two steps, ends of calls are told late, twice or never, calls are lost between their row and the
node, or reach it late. The limits campaigns share are looked after at every call.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TypeVar, cast

from sovereign.assistants.settings import AssistantSettings
from sovereign.assistants.store import AssistantStore
from sovereign.calls.live import LiveCalls
from sovereign.calls.model import CallOutcome, CallRef, EndReason
from sovereign.calls.outbound import OutboundCalls
from sovereign.calls.store import CallStore
from sovereign.campaigns import CampaignSettings, CampaignStore, LeadStore
from sovereign.campaigns.attendance import Attendance
from sovereign.campaigns.claim import link_ref
from sovereign.campaigns.fleet import Fleet
from sovereign.campaigns.items import block_of, blocks_of, blocks_ref, lead_from_item, lead_ref, leads_pk
from sovereign.campaigns.lead import Lead
from sovereign.campaigns.lead_moves import LeadMoves
from sovereign.campaigns.model import OPEN, Campaign
from sovereign.campaigns.runner import CampaignRunner
from sovereign.do_not_call import DoNotCallStore, Listing
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.errors import DomainError
from sovereign.kernel.table import Item, Put
from sovereign.nodes.model import Node
from sovereign.numbers import NumberSettings, NumberStore
from sovereign.organizations.items import to_item
from sovereign.organizations.model import Organization
from sovereign.sip_trunks import TrunkSettings, TrunkStore
from tests.component.calls.harness import ORG, ReversibleCipher
from tests.component.campaigns.simulation.chances import (
    CHANGES,
    TELLS,
    CrashError,
    NoDialler,
)
from tests.component.campaigns.simulation.limits import check_given_back, check_kept
from tests.component.campaigns.simulation.memory_table import MemoryTable
from tests.component.campaigns.simulation.plans import (
    drawn_lead,
    drawn_policy,
    drawn_retry,
    drawn_settings,
    drawn_trunk,
    drawn_window,
)
from tests.component.campaigns.simulation.promises import Promises, Ring
from tests.component.campaigns.simulation.virtual import VirtualTime

LONGEST = timedelta(days=40)
LEADS_APART = 100_000
"""Between the numbers of two campaigns' leads."""
T = TypeVar("T")


class World:
    """Campaigns and all around them; most worlds have one, `campaign_id`."""

    def __init__(
        self,
        seed: int,
        *,
        calm: bool = False,
        leads: int | None = None,
        campaigns: int = 1,
        trunk: TrunkSettings | None = None,
        call_seconds: float = 5,
        table: MemoryTable | None = None,
    ) -> None:
        self._leads_wanted = leads
        self._call_seconds = call_seconds
        self.chance = random.Random(seed)
        self.calm = calm
        self.time = VirtualTime(self.chance.choice(CHANGES))
        self.table = table or MemoryTable()
        self._promises = Promises()
        self.windows: dict[str, CampaignSettings] = {}
        self.turns = self.waits = 0
        self._counted = -1
        self._made = 0
        self._crashing = False
        self.table.interrupt, self.table.delay = self._interrupt, self._delay
        self._cipher = cast(Cipher, ReversibleCipher())
        self.calls = CallStore(self.table, self.clock, cipher=self._cipher)
        self._outbound = OutboundCalls(self.table, self.calls, NoDialler(), self._cipher, self.clock)
        self.moves = LeadMoves(self.table, clock=self.clock)
        self.campaigns = CampaignStore(self.table, clock=self.clock)
        self.leads = LeadStore(self.table, clock=self.clock)
        self.attendance = Attendance(self.table, self.moves, self._start, clock=self.clock)
        self._furnish(trunk)
        self.campaign_ids = [self._campaign(place) for place in range(campaigns)]
        self.campaign_id = self.campaign_ids[0]

    @property
    def now(self) -> datetime:
        return self.time.now

    @now.setter
    def now(self, moment: datetime) -> None:
        self.time.now = moment

    @property
    def rings(self) -> list[Ring]:
        """Every phone that rang."""
        return self._promises.rings

    @property
    def requests(self) -> int:
        """To the table, but those of this world's own looks."""
        return self.table.requests

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        """What happens meanwhile is not interrupted where this is."""
        crashing, self._crashing = self._crashing, False
        try:
            self.time.sleep(seconds)
        finally:
            self._crashing = crashing

    def runner_of(self) -> CampaignRunner:
        fleet = Fleet(self._nodes)
        return CampaignRunner(
            self.table, self._outbound, self.moves, fleet, self.clock, self.sleep, self._hand_over, self.chance.random
        )

    def run(self) -> Campaign:
        """From the start to the end of everything; returns the first campaign."""
        began = self.now
        for campaign_id in self.campaign_ids:
            self._change(campaign_id, status="scheduled")
        self._sweep()
        if not self.calm:
            for _ in range(self.chance.randrange(6)):
                self._in(self.chance.uniform(1, 7200), self._meddle)
        try:
            while not self.over():
                assert self.now - began < LONGEST, "the campaigns do not end"
                assert self.time.next_at, "nothing is going to happen any more"
                self.time.sleep(max(0.001, (self.time.next_at - self.now).total_seconds()))
                if self._leads_wanted is None:
                    self.check_counts()
        finally:
            self.time.end()
        self.check_counts()
        check_given_back(self.table, self.trunk)
        return self.campaign()

    def campaign(self, campaign_id: str | None = None) -> Campaign:
        with self._unseen():
            return self.campaigns.get(ORG, campaign_id or self.campaign_id)

    def over(self) -> bool:
        campaigns = map(self._stored, self.campaign_ids)
        return all(item["status"] not in OPEN and not item.get("calling_leads") for item in campaigns)

    def check_counts(self) -> None:
        """The counts are what the leads' items say; looked at again where something was written since."""
        if self._counted == self.table.written:
            return
        self._counted = self.table.written
        for campaign_id in self.campaign_ids:
            campaign = self._stored(campaign_id)
            partitions = {pk for pk in self.table.items if pk.startswith(leads_pk(ORG, campaign_id, 0)[:-1])}
            leads = [item for partition in partitions for item in self.table.items[partition].values()]
            key = blocks_ref(ORG, campaign_id)
            blocks = {
                block: count for block, count in blocks_of([self.table.items[key.pk].get(key.sk, {})]).items() if count
            }
            assert blocks == Counter(block_of(int(item["sk"][-12:])) for item in leads), blocks
            counts = Counter(item["status"] for item in leads)
            for status in ("pending", "calling", "completed", "failed", "skipped"):
                assert campaign.get(f"{status}_leads", 0) == counts[status], (status, campaign, counts)
            waiting = Counter(f"zone_{item['timezone'] or ''}" for item in leads if item["status"] == "pending")
            zones = {name: count for name, count in campaign.items() if name.startswith("zone_") and count}
            assert zones == waiting, (zones, waiting)

    def _stored(self, campaign_id: str) -> Item:
        return self.table.items[f"ORG#{ORG}"][f"CAMPAIGN#{campaign_id}"]

    def _furnish(self, trunk: TrunkSettings | None) -> None:
        self.policy = drawn_policy(self.chance, calm=self.calm)
        organization = Organization(ORG, "Org", None, "unlimited", 0, self.now, self.now, outbound_policy=self.policy)
        self.table.put(Put(to_item(organization)))
        settings = trunk or drawn_trunk(self.chance, calm=self.calm)
        self.trunk = TrunkStore(self.table, self._cipher).create(ORG, settings, None)
        numbers = NumberStore(self.table, clock=self.clock)
        number, _ = numbers.create(ORG, NumberSettings(phone_number="+31850835037", transfer_trunk_id=self.trunk.id))
        numbers.verify(ORG, number.id)

    def _campaign(self, place: int) -> str:
        chance = self.chance
        agent = AssistantStore(self.table, self._cipher).create(ORG, AssistantSettings(name="A"))
        settings = drawn_settings(chance, agent.assistant.id, calm=self.calm)
        count = chance.randint(20, 40) if self.calm else chance.randint(1, 30)
        numbers = range(place * LEADS_APART, place * LEADS_APART + (self._leads_wanted or count))
        leads = [drawn_lead(chance, number, self.table, calm=self.calm) for number in numbers]
        made = self.campaigns.create(ORG, settings, leads)
        self.windows[made.id] = settings
        return made.id

    def _meddle(self) -> None:
        """A user does something."""
        chance = self.chance
        campaign = self.campaign(chance.choice(self.campaign_ids))
        if not campaign.is_open:
            return
        what = chance.choice(["pause", "edit", "add", "remove", "cancel", "list"])
        try:
            if what == "pause":
                self._change(campaign.id, status="paused")
                self._in(chance.uniform(1, 40_000), lambda: self._change(campaign.id, status="scheduled"))
            elif what == "edit":
                window = drawn_window(chance, calm=self.calm)
                rules = drawn_retry(chance).model_dump()
                self._change(campaign.id, **window, calls_per_second=chance.choice([0.2, 1, 5]), retry=rules)
            elif what == "add":
                self._made += 1000
                new = [drawn_lead(chance, LEADS_APART // 2 + n + self._made, self.table, calm=False) for n in range(3)]
                self.leads.add(ORG, campaign.id, new)
            elif what == "remove" and (lead := self._any_lead(campaign)):
                self.leads.remove(ORG, campaign.id, lead.id)
            elif what == "list" and (lead := self._any_lead(campaign)):
                DoNotCallStore(self.table).add(ORG, Listing.model_construct(phone_number=lead.phone_number))
            elif what == "cancel" and chance.random() < 0.2:
                self._change(campaign.id, status="cancelled")
        except DomainError:
            return  # told to the user, who lives with it

    def _any_lead(self, campaign: Campaign) -> Lead | None:
        leads = self.leads.page(ORG, campaign.id, limit=50, offset=0).leads
        return self.chance.choice(leads) if leads else None

    def _change(self, campaign_id: str, **changes: object) -> None:
        try:
            campaign = self.campaigns.update(ORG, campaign_id, changes)
        except DomainError:
            return
        self.windows[campaign_id] = campaign.settings
        self._promises.moved(campaign_id, campaign.status, self.now)
        if self.calm or self.chance.random() < 0.9:
            self._in(1, lambda: self._survived(lambda: self.attendance.see_to(ORG, campaign_id)))
        self._in(60, lambda: self._survived(self.attendance.sweep))

    def _sweep(self) -> None:
        self._survived(self.attendance.sweep)
        shards = [order for shard, order in self.table.due.items() if shard.startswith("CAMPAIGN#") and order]
        due = [datetime.fromisoformat(order[0][0]) for order in shards]
        wait = min(600.0, (min(due) - self.now).total_seconds()) if due else 60.0
        self._in(max(60.0, wait), self._sweep)

    def _start(self, _org: str, campaign_id: str, generation: int) -> None:
        for _ in range(1 if self.calm or self.chance.random() < 0.9 else 2):
            self._in(self.chance.uniform(0.1, 1), lambda: self._execute(campaign_id, generation))

    def _execute(self, campaign_id: str, generation: int) -> None:
        """The state machine: a turn, then what it asked for; a task that crashes is tried again, or all is lost."""
        self.turns += 1
        self.time.start(lambda: self._turn(campaign_id, generation))

    def _turn(self, campaign_id: str, generation: int) -> None:
        turn = self._survived(lambda: self.runner_of().run(ORG, campaign_id, generation))
        if turn is None:
            self._in(150, self._reap)
            if self.chance.random() < 0.5:
                self._in(5, lambda: self._execute(campaign_id, generation))
        elif turn.next == "again":
            self._in(0.1, lambda: self._execute(campaign_id, generation))
        elif turn.until is not None:
            self.waits += 1
            wait = max(0.0, (turn.until - self.now).total_seconds())
            self._in(wait, lambda: self._execute(campaign_id, generation))

    def _reap(self) -> None:
        """What `reap_lost_calls` does with calls that were committed by a process that stopped then."""
        for call in list(LiveCalls(self.table).waiting()):
            if self.now > (call.dial_before or call.since + timedelta(minutes=2)):
                self._end(call.ref, EndReason.DIAL_FAILED)

    def _hand_over(self, ref: CallRef) -> None:
        check_kept(self.table, self.policy, self.trunk)
        if not self.calm and self.chance.random() < 0.03:
            self._in(150, self._reap)
            return
        settings = self.windows[self._lead_of(ref).campaign_id]
        if self.calm or self.chance.random() < 0.7:
            self._take(ref, settings)
        else:
            late = self.chance.choice([1, 5, 30])
            self._in(self.chance.uniform(0, late), lambda: self._take(ref, settings))

    def _take(self, ref: CallRef, settings: CampaignSettings) -> None:
        """A node is asked, sooner or later; `settings` are those of the commit."""
        if not self.calm and self.chance.random() < 0.05:
            self._end(ref, EndReason.NO_CAPACITY)
            return
        with self._undisturbed():
            taken = self.calls.lifecycle.claim_dial(ref, "node")
        if not taken:
            self._tell(ref)
            return
        if not self.calm and self.chance.random() < 0.02:
            self._end(ref, EndReason.SHUTDOWN, unrung=True)
            return
        self._rang(ref, settings)
        reason = self.chance.choice([*TELLS])
        answered_after, ends_after = self.chance.uniform(1, 10), self.chance.uniform(10, 200)
        if TELLS[reason]:
            self._in(answered_after, lambda: self.calls.lifecycle.mark_answered(ref))
        self._in(self._call_seconds if self.calm else ends_after, lambda: self._end(ref, reason))

    def _rang(self, ref: CallRef, settings: CampaignSettings) -> None:
        with self._unseen():
            call = self.calls.rows.get(ref)
        lead = self._lead_of(ref)
        assert (lead.status, lead.call_id) == ("calling", ref.call_id)
        assert call.caller_phone == lead.phone_number
        self._promises.rang(lead, settings, self.now)

    def _lead_of(self, ref: CallRef) -> Lead:
        link = self.table.items[link_ref(ORG, ref.call_id).pk]["CAMPAIGN"]
        at = lead_ref(ORG, link["campaign_id"], link["lead_id"])
        return lead_from_item(self.table.items[at.pk][at.sk], self.campaign(link["campaign_id"]))

    def _end(self, ref: CallRef, reason: EndReason, *, unrung: bool = False) -> None:
        with self._undisturbed():
            self.calls.lifecycle.finish(ref, CallOutcome(end_reason=reason, unrung=unrung))
        self._tell(ref)

    def _tell(self, ref: CallRef) -> None:
        if not self.calm and self.chance.random() < 0.03:
            return  # nobody is told
        for _ in range(1 if self.calm else self.chance.choice([1, 1, 1, 2, 3])):
            delay = self.chance.uniform(0.01, 1) if self.chance.random() < 0.9 else self.chance.uniform(60, 4000)
            self._in(0.1 if self.calm else delay, lambda: self._told(ref))

    def _told(self, ref: CallRef) -> None:
        if self._survived(lambda: self.moves.call_ended(ref.org_id, ref.call_id)) is None:
            self._in(30, lambda: self._told(ref))

    def _survived(self, work: Callable[[], T]) -> T | None:
        """The result, or None where the process was stopped on the way."""
        before, self._crashing = self._crashing, not self.calm
        try:
            return work()
        except CrashError:
            return None
        finally:
            self._crashing = before

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        crashing, self._crashing = self._crashing, False
        try:
            yield
        finally:
            self._crashing = crashing

    @contextmanager
    def _unseen(self) -> Iterator[None]:
        before = self.table.requests
        try:
            yield
        finally:
            self.table.requests = before

    def _interrupt(self) -> None:
        if self._crashing and self.chance.random() < 0.01:
            raise CrashError

    def _delay(self) -> None:
        """Others come in between what was read and the write that follows from it."""
        if self._crashing and self.time.in_task and self.chance.random() < 0.03:
            self.sleep(self.chance.uniform(0.01, 0.3))

    def _in(self, seconds: float, happen: Callable[[], object]) -> None:
        self.time.after(seconds, happen)

    def _nodes(self) -> list[Node]:
        return [
            Node(
                node_id="node",
                control_address="x:1",
                certificate_pem="",
                heartbeat_at=self.now,
                started_at=self.now,
                capacity=200,
            )
        ]
