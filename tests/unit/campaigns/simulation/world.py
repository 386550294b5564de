"""One campaign in virtual time: the engine, the outbound path and the stores are the real ones; the table is in memory,
the phones, the state machine and the users are made up from a seed.

Everything that can go wrong does: writes are interrupted before and after they commit, executions die or run twice,
ends of calls are told late, twice or never, calls are lost between their row and the node.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

from sovereign.assistants.settings import AssistantSettings
from sovereign.assistants.store import AssistantStore
from sovereign.calls.live import LiveCalls
from sovereign.calls.model import Call, CallOutcome, CallRef, EndReason
from sovereign.calls.outbound import OutboundCalls
from sovereign.calls.store import CallStore
from sovereign.campaigns import CampaignSettings, CampaignStore, LeadStore, NewLead
from sovereign.campaigns.attendance import Attendance
from sovereign.campaigns.claim import link_ref
from sovereign.campaigns.fleet import Fleet
from sovereign.campaigns.items import lead_from_item, lead_ref
from sovereign.campaigns.lead_moves import LeadMoves
from sovereign.campaigns.model import Campaign, Retry, RetryRule
from sovereign.campaigns.runner import CampaignRunner
from sovereign.do_not_call import DoNotCallStore, Listing
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.errors import DomainError
from sovereign.kernel.table import Put
from sovereign.nodes.model import Node
from sovereign.numbers import NumberSettings, NumberStore
from sovereign.organizations.items import to_item
from sovereign.organizations.model import Organization, OutboundPolicy
from sovereign.sip_trunks import TrunkSettings, TrunkStore
from tests.unit.calls.harness import ORG, ReversibleCipher
from tests.unit.campaigns.simulation.chances import (
    CHANGES,
    TELLS,
    ZONES,
    CrashError,
    NoDialler,
    OutOfHoursError,
    inside,
)
from tests.unit.campaigns.simulation.memory_table import MemoryTable

LONGEST = timedelta(days=40)
T = TypeVar("T")


class World:
    """A campaign and all around it. `rings` are the phones that rang: number, attempt, moment."""

    def __init__(self, seed: int, *, calm: bool = False, leads: int | None = None) -> None:
        self._leads_wanted = leads
        self.chance = random.Random(seed)
        self.calm = calm
        self.now = self.chance.choice(CHANGES)
        self.table = MemoryTable()
        self.rings: list[tuple[str, int, datetime]] = []
        self.windows: list[tuple[datetime, CampaignSettings]] = []
        self.told: Counter[str] = Counter()
        self.turns = 0
        self.engine_requests = 0
        """The engine's, and what happened meanwhile: phones, ends of calls and what they led to."""
        self._events: list[tuple[datetime, int, Callable[[], object]]] = []
        self._made = 0
        self._crashing = False
        self.table.interrupt = self._interrupt
        cipher = cast(Cipher, ReversibleCipher())
        self.calls = CallStore(self.table, self.clock, cipher=cipher)
        outbound = OutboundCalls(self.table, self.calls, NoDialler(), cipher, self.clock)
        self.moves = LeadMoves(self.table, self.calls, clock=self.clock)
        self.campaigns, self.leads = (
            CampaignStore(self.table, clock=self.clock),
            LeadStore(self.table, clock=self.clock),
        )

        def runner_of() -> CampaignRunner:
            return CampaignRunner(
                self.table, outbound, self.moves, Fleet(self._nodes), self.clock, self.sleep, self._hand_over
            )

        self.runner_of = runner_of
        self.attendance = Attendance(self.table, self.moves, self._start, clock=self.clock)
        self._furnish(cipher)
        self.campaign_id = self._campaign()

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        """What happens meanwhile happens."""
        until = self.now + timedelta(seconds=seconds)
        while self._events and self._events[0][0] <= until:
            moment, _, happen = heapq.heappop(self._events)
            self.now = max(self.now, moment)
            happen()
        self.now = max(self.now, until)

    def run(self) -> Campaign:
        """From the start to the end of everything."""
        began = self.now
        self._change(status="scheduled")
        self._sweep()
        if not self.calm:
            for _ in range(self.chance.randrange(6)):
                self._in(self.chance.uniform(1, 7200), self._meddle)
        while not self.over():
            assert self.now - began < LONGEST, "the campaign does not end"
            assert self._events, "nothing is going to happen any more"
            self.sleep(max(0.001, (self._events[0][0] - self.now).total_seconds()))
            if self._leads_wanted is None:
                self.check_counts()
        self.check_counts()
        return self.campaign()

    def campaign(self) -> Campaign:
        return self.campaigns.get(ORG, self.campaign_id)

    def over(self) -> bool:
        campaign = self.campaign()
        return not campaign.is_open and not campaign.stored_counts.calling

    def check_counts(self) -> None:
        """The counts are what the leads' items say."""
        campaign = self.campaign()
        items = [i for sk, i in self.table.items[f"ORG#{ORG}#CAMPAIGN#{campaign.id}"].items() if sk.startswith("LEAD#")]
        counts, stored = Counter(item["status"] for item in items), campaign.stored_counts
        for status in ("pending", "calling", "completed", "failed", "skipped"):
            assert getattr(stored, status) == counts[status], (status, stored, counts)
        waiting = Counter(item["timezone"] or "" for item in items if item["status"] == "pending")
        assert campaign.zones == frozenset(waiting), (campaign.zones, waiting)

    def _furnish(self, cipher: Cipher) -> None:
        policy = OutboundPolicy(("NL", "US"), 100, 10_000)
        if not self.calm and self.chance.random() < 0.3:
            policy = OutboundPolicy(("NL", "US"), self.chance.randint(1, 5), self.chance.randint(5, 60))
        organization = Organization(ORG, "Org", None, "unlimited", 0, self.now, self.now, outbound_policy=policy)
        self.table.put(Put(to_item(organization)))
        trunk = TrunkStore(self.table, cipher).create(
            ORG, TrunkSettings(name="T", provider="p", address="8.8.8.8:5060"), None
        )
        numbers = NumberStore(self.table, clock=self.clock)
        number, _ = numbers.create(ORG, NumberSettings(phone_number="+31850835037", transfer_trunk_id=trunk.id))
        numbers.verify(ORG, number.id)

    def _campaign(self) -> str:
        chance = self.chance
        agent = AssistantStore(self.table, cast(Cipher, ReversibleCipher())).create(ORG, AssistantSettings(name="A"))
        settings = CampaignSettings(
            name="C",
            agent_id=agent.assistant.id,
            **self._window(),
            timezone=chance.choice(ZONES),
            calls_per_second=chance.choice([0.1, 0.5, 1, 2, 5, 10]),
            max_concurrency=100 if self.calm else chance.randint(1, 20),
            system_message_template=None if self.calm else chance.choice([None, "Call {{name}} about {{ what }}."]),
            retry=Retry(
                max_attempts=chance.randint(1, 4),
                delay_minutes=chance.randint(1, 90),
                busy=RetryRule(retry=chance.random() < 0.7, delay_minutes=chance.choice([None, 2])),
                voicemail=RetryRule(retry=chance.random() < 0.5),
                max_attempts_per_day=chance.randint(1, 4),
            ),
        )
        count = chance.randint(20, 40) if self.calm else chance.randint(1, 30)
        count = self._leads_wanted or count
        made = self.campaigns.create(ORG, settings, [self._lead(n, calm=self.calm) for n in range(count)])
        self.windows.append((self.now, settings))
        return made.id

    def _window(self) -> dict[str, Any]:
        if self.calm:
            return {"schedule_start_time": "00:00", "schedule_end_time": "23:59:59"}
        start, length = self.chance.randrange(1440), self.chance.choice([30, 90, 300, 600, 1200])
        end = (start + length) % 1440
        days = self.chance.sample(range(7), self.chance.randint(3, 7))
        return {
            "schedule_start_time": f"{start // 60:02d}:{start % 60:02d}",
            "schedule_end_time": f"{end // 60:02d}:{end % 60:02d}",
            "schedule_days": days,
        }

    def _lead(self, number: int, *, calm: bool) -> NewLead:
        chance = self.chance
        phone = f"+3161{number:07d}"
        if calm:
            return NewLead.model_construct(phone_number=phone, variables={}, timezone=None)
        if chance.random() < 0.05:
            DoNotCallStore(self.table).add(ORG, Listing.model_construct(phone_number=phone, reason=None))
        if chance.random() < 0.05:
            phone = f"+4915112{number:06d}"
        variables = {"name": "Sam"} | ({"what": "it"} if chance.random() < 0.9 else {})
        zone = chance.choice([None, None, *ZONES]) if chance.random() < 0.95 else "Mars/Olympus"
        return NewLead.model_construct(phone_number=phone, variables=variables, timezone=zone)

    def _meddle(self) -> None:
        """A user does something."""
        campaign, chance = self.campaign(), self.chance
        if not campaign.is_open:
            return
        what = chance.choice(["pause", "edit", "add", "remove", "cancel", "list"])
        try:
            if what == "pause":
                self._change(status="paused")
                self._in(chance.uniform(1, 40_000), lambda: self._change(status="scheduled"))
            elif what == "edit":
                self._change(**self._window(), calls_per_second=chance.choice([0.2, 1, 5]))
            elif what == "add":
                self.leads.add(ORG, campaign.id, [self._lead(1000 + n + self._made, calm=False) for n in range(3)])
                self._made += 1000
            elif what == "remove":
                leads = self.leads.page(ORG, campaign.id, limit=50, offset=0).leads
                self.leads.remove(ORG, campaign.id, chance.choice(leads).id)
            elif what == "list" and (leads := self.leads.page(ORG, campaign.id, limit=50, offset=0).leads):
                DoNotCallStore(self.table).add(ORG, Listing.model_construct(phone_number=leads[0].phone_number))
            elif what == "cancel" and chance.random() < 0.2:
                self._change(status="cancelled")
        except DomainError:
            return  # told to the user, who lives with it

    def _change(self, **changes: object) -> None:
        try:
            campaign = self.campaigns.update(ORG, self.campaign_id, changes)
        except DomainError:
            return
        self.windows.append((self.now, campaign.settings))
        if self.calm or self.chance.random() < 0.9:
            self._in(1, lambda: self._survived(lambda: self.attendance.see_to(ORG, self.campaign_id)))
        self._in(60, lambda: self._survived(self.attendance.sweep))

    def _sweep(self) -> None:
        self._survived(self.attendance.sweep)
        ref = next(
            (r for s in self.table.due for r in self.table.due[s] if r.sk == f"CAMPAIGN#{self.campaign_id}"), None
        )
        due = self.table.items[ref.pk][ref.sk]["due_at"] if ref else None
        wait = min(600.0, (datetime.fromisoformat(due) - self.now).total_seconds()) if due else 60.0
        self._in(max(60.0, wait), self._sweep)

    def _start(self, _org: str, _campaign: str, generation: int) -> None:
        for _ in range(1 if self.calm or self.chance.random() < 0.9 else 2):
            self._in(self.chance.uniform(0.1, 1), lambda: self._execute(generation))

    def _execute(self, generation: int) -> None:
        """The state machine: a turn, then what it asked for; a task that crashes is tried again, or all is lost."""
        self.turns += 1
        before = self.table.requests
        turn = self._survived(lambda: self.runner_of().run(ORG, self.campaign_id, generation))
        self.engine_requests += self.table.requests - before
        if turn is None:
            self._in(150, self._reap)
            if self.chance.random() < 0.5:
                self._in(5, lambda: self._execute(generation))
            return
        if turn.next == "again":
            self._in(0.1, lambda: self._execute(generation))
        elif turn.until is not None:
            self._in(max(0.0, (turn.until - self.now).total_seconds()), lambda: self._execute(generation))

    def _reap(self) -> None:
        """What `reap_lost_calls` does with calls that were committed by a process that stopped then."""
        for call in list(LiveCalls(self.table).waiting()):
            if self.now - call.since > timedelta(minutes=2):
                self._end(call.ref, EndReason.DIAL_FAILED)

    def _hand_over(self, ref: CallRef) -> None:
        if not self.calm and self.chance.random() < 0.03:
            self._in(150, self._reap)
            return
        if not self.calm and self.chance.random() < 0.05:
            self._end(ref, EndReason.NO_CAPACITY)
            return
        crashing, self._crashing = self._crashing, False
        claimed = self.calls.claim_dial(ref, "node")
        self._crashing = crashing
        assert claimed
        call = self.calls.get_row(ref)
        self._rang(call)
        reason = self.chance.choice([*TELLS])
        answered_after, ends_after = self.chance.uniform(1, 10), self.chance.uniform(10, 200)
        if TELLS[reason]:
            self._in(answered_after, lambda: self.calls.mark_answered(ref))
        self._in(5 if self.calm else ends_after, lambda: self._end(ref, reason))

    def _rang(self, call: Call) -> None:
        link = self.table.items[link_ref(ORG, call.ref.call_id).pk]["CAMPAIGN"]
        at = lead_ref(ORG, self.campaign_id, link["lead_id"])
        lead = lead_from_item(self.table.items[at.pk][at.sk], self.campaign())
        assert (lead.status, lead.call_id) == ("calling", call.ref.call_id)
        assert call.caller_phone == lead.phone_number
        self.rings.append((lead.phone_number, lead.attempts, self.now))
        settings = self.windows[-1][1]
        zone = ZoneInfo(lead.timezone or settings.timezone)
        if not inside(self.now.astimezone(zone), settings):
            raise OutOfHoursError(self.now, zone.key, settings)

    def _end(self, ref: CallRef, reason: EndReason) -> None:
        crashing, self._crashing = self._crashing, False
        self.calls.finish(ref, CallOutcome(end_reason=reason))
        self._crashing = crashing
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

    def _interrupt(self) -> None:
        if self._crashing and self.chance.random() < 0.01:
            raise CrashError

    def _in(self, seconds: float, happen: Callable[[], object]) -> None:
        self._made += 1
        heapq.heappush(self._events, (self.now + timedelta(seconds=seconds), self._made, happen))

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
