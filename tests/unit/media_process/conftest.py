"""A director over a scripted leg and scripted collaborators; every step can be made the moment something happens."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from media.calls.journal import Batch
from media.capacity import Capacity
from media.director import Director
from media.routes import InboundRefusal, InboundRoute, OutboundRoute
from media.running_call import CallServices, Conversation
from media.telephony.addresses import TrunkRoute
from media.telephony.baresip_leg import BaresipLeg
from media.telephony.endpoint import Invite
from sovereign.assistants import EffectiveAssistant, Rejection
from sovereign.calls.model import Call, CallOutcome, CallRef, CallStatus, EndReason, Message, NewCall
from sovereign.webhooks.bodies import CallDescription
from sovereign.webhooks.targets import WebhookTarget
from sovereign.workflows.running import RunnableWorkflow

from .scripted import HEADERS, NOW, WEBHOOK, Inline, Leg, Session, assistant


@dataclass
class Row:
    new: NewCall | None
    status: str = "connecting"
    outcome: CallOutcome | None = None
    claimed_by: str | None = None


class Stand:
    """All collaborators in one; `at[stage]` is run when that stage is reached."""

    def __init__(self) -> None:
        self.at: dict[str, Callable[[], None]] = {}
        self.stages: list[str] = []
        self.rows: dict[str, Row] = {}
        self.finishes: list[tuple[str, EndReason]] = []
        self.finish_failures = 0
        self.unwritten: Sequence[Batch] = ()
        self.append_failures = 0
        self.written: list[tuple[str, int, list[str]]] = []
        self.create_fails_after_writing = False
        self.route: InboundRoute | InboundRefusal = InboundRoute(
            org_id="org", number_id="num", number="+31850835037", assistant=assistant()
        )
        self.outbound: OutboundRoute | Exception = OutboundRoute(
            trunk=TrunkRoute(trunk_id="t", address="127.0.0.1"),
            caller="+31850835037",
            destination="+31201234567",
            assistant=assistant(),
        )
        self.answer: EffectiveAssistant | Rejection | Exception | None = None
        self.ask_error: Exception | None = None
        self.ask_seconds = 0.0
        self.asked: list[tuple[WebhookTarget, CallDescription]] = []
        self.frozen: list[EffectiveAssistant] = []
        self.set: dict[str, Any] = {}
        self.credit_error: Exception | None = None
        self.freeze_error: Exception | None = None
        """Of what an answer names; the base is frozen before."""
        self.prepare_error: Exception | None = None
        self.dial_error: Exception | None = None
        self.command_error: Exception | None = None
        self.announced: list[str] = []
        self.announce_seconds = 0.0
        self.discarded = 0
        self.stopped: list[EndReason] = []
        self.sessions: list[Session] = []
        self.dial_before: datetime | None = None
        self.wanted = True
        self.leg = Leg(self.stage)
        self.capacity = Capacity(2)
        self.services = CallServices(
            node_id="node",
            calls=cast(Any, SimpleNamespace(rows=self, starts=self, lifecycle=self, content=self)),
            directory=cast(Any, self),
            asker=cast(Any, self),
            prepare=self.prepare,
            announce=cast(Any, self.announce),
            dial=cast(Any, self.dial_leg),
            executor=Inline(),
            ring_timeout_seconds=0.2,
        )
        self.director = Director(self.services, self.capacity)

    def stage(self, name: str) -> None:
        self.stages.append(name)
        if act := self.at.get(name):
            act()

    # the calls, all parts of their store

    def create(
        self, new: NewCall, *, frozen_assistant: Any, node_id: str | None, extra_writes: Sequence[Any] = ()
    ) -> Call:
        self.stage("create")
        self.extra_writes = list(extra_writes)
        self.rows[new.call_id] = Row(new, status="ringing")
        if self.create_fails_after_writing:
            raise ConnectionError("the answer got lost")
        return self._call(new.call_id)

    def _call(self, call_id: str) -> Call:
        ref = CallRef("org", call_id, 1)
        return Call(
            ref=ref,
            direction="outbound",
            status=CallStatus.CONNECTING,
            created_at=NOW,
            updated_at=NOW,
            caller_phone="+31201234567",
            number_id="num",
            dial_before=self.dial_before,
        )

    def find(self, org_id: str, call_id: str) -> CallRef | None:
        self.stage("find")
        return CallRef(org_id, call_id, 1) if call_id in self.rows and org_id == "org" else None

    def load_whole(self, ref: CallRef) -> Call:
        self.stage("load")
        return self._call(ref.call_id)

    def claim_dial(self, ref: CallRef, node_id: str) -> bool:
        self.stage("claim")
        row = self.rows[ref.call_id]
        if row.claimed_by:
            return False
        row.claimed_by = node_id
        return True

    def mark_ringing(self, ref: CallRef) -> bool:
        self.stage("mark_ringing")
        self.rows[ref.call_id].status = "ringing"
        return True

    def mark_answered(self, ref: CallRef, *, byok: frozenset[str]) -> bool:
        self.stage("mark_answered")
        if self.rows[ref.call_id].outcome:
            return False
        assert byok == {"llm"}
        self.rows[ref.call_id].status = "in-progress"
        return True

    def set_assistant(self, ref: CallRef, frozen_assistant: Any, **shown: Any) -> bool:
        self.stage("set_assistant")
        self.set = shown
        return True

    def append_messages(self, ref: CallRef, batch_no: int, messages: Sequence[Message]) -> None:
        if self.append_failures:
            self.append_failures -= 1
            raise ConnectionError("no table")
        self.stage("append_messages")
        self.written.append((ref.call_id, batch_no, [message.content for message in messages]))

    def finish(self, ref: CallRef, outcome: CallOutcome) -> bool:
        self.stage("finish")
        if self.finish_failures:
            self.finish_failures -= 1
            raise ConnectionError("no table")
        self.finishes.append((ref.call_id, outcome.end_reason))
        row = self.rows[ref.call_id]
        if row.outcome:
            return False
        row.outcome = outcome
        return True

    # the directory

    def inbound_route(self, called: str | None, source: str | None) -> InboundRoute | InboundRefusal:
        self.stage("route")
        self.called, self.source = called, source
        return self.route

    def answered(self, org_id: str, base: Any, answer: Any) -> EffectiveAssistant | Rejection | None:
        self.stage("answered")
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer if self.answer is not None else base

    def freeze(self, chosen: EffectiveAssistant, org_id: str, call_id: str) -> dict[str, Any]:
        if self.freeze_error and len(self.frozen) > 0:
            raise self.freeze_error
        self.frozen.append(chosen)
        return {}

    def freeze_workflow(self, workflow: RunnableWorkflow, org_id: str, call_id: str) -> str:
        return f"{workflow.id} {org_id} {call_id}"

    def may_still_ring(self, ref: CallRef) -> bool:
        self.stage("may_still_ring")
        return self.wanted

    def outbound_route(self, call: Call) -> OutboundRoute:
        self.stage("outbound_route")
        if isinstance(self.outbound, Exception):
            raise self.outbound
        return self.outbound

    def reserve_credits(self, payer: str, call: CallRef) -> None:
        self.stage("reserve")
        if self.credit_error:
            raise self.credit_error

    # the others

    async def assistant_request(self, target: WebhookTarget, call: CallDescription) -> Mapping[str, Any]:
        self.stage("ask")
        self.asked.append((target, call))
        await asyncio.sleep(self.ask_seconds)
        if self.ask_error:
            raise self.ask_error
        return {}

    async def prepare(self, conversation: Conversation) -> Any:
        self.stage("prepare")
        if self.prepare_error:
            raise self.prepare_error
        self.conversation = conversation
        return self

    def start(self, leg: Leg) -> Session:
        self.stage("start")
        self.sessions.append(Session(self, leg))
        return self.sessions[-1]

    @property
    def own_keys(self) -> frozenset[str]:
        return frozenset({"llm"})

    async def discard(self) -> None:
        self.discarded += 1

    async def announce(self, leg: Leg, text: str, org_id: str, chosen: Any) -> None:
        self.stage("announce")
        self.announced.append(text)
        await asyncio.sleep(self.announce_seconds)

    async def dial_leg(self, trunk: TrunkRoute, number: str, caller: str) -> Leg:
        self.stage("dial")
        if self.dial_error:
            raise self.dial_error
        return self.leg

    # what tests do

    def with_webhook(self) -> None:
        assert isinstance(self.route, InboundRoute)
        self.route = replace(self.route, account_webhook=WEBHOOK)

    def invite(self, headers: Mapping[str, str] = HEADERS) -> None:
        self.director.on_invite(Invite(cast(BaresipLeg, self.leg), headers))

    def order(self, call_id: str = "call-outbound-x") -> bool:
        self.rows.setdefault(call_id, Row(None))
        return self.director.dial("org", call_id)

    async def reach(self, name: str) -> None:
        async with asyncio.timeout(2):
            while name not in self.stages:
                await asyncio.sleep(0)

    async def over(self) -> None:
        async with asyncio.timeout(3):
            await self.director.finished()

    @property
    def outcome(self) -> CallOutcome:
        (row,) = self.rows.values()
        assert row.outcome
        return row.outcome


@pytest.fixture
async def stand() -> Stand:
    return Stand()
