"""A media node without its media: director, calls, journal, minutes and heartbeat are the real ones, legs and
conversations are made up. It is killed, cut off from the table, or its requests hang."""

import asyncio
from collections.abc import Callable, Mapping
from contextvars import copy_context
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeVar, cast

from botocore.exceptions import ReadTimeoutError
from greenlet import greenlet

from media.capacity import Capacity
from media.director import Director
from media.heartbeat import Heartbeat
from media.routes import InboundRoute, OutboundRoute
from media.running_call import CallServices, Conversation
from media.speech.interfaces import ProviderError
from media.telephony.addresses import TrunkRoute
from media.telephony.endpoint import Invite
from media.telephony.leg import LegAnswered, LegClosedBy, LegRinging
from sovereign.assistants import EffectiveAssistant, Rejection
from sovereign.calls.items import row_is_up
from sovereign.calls.lifecycle import CallLifecycle
from sovereign.calls.model import Call, CallOutcome, CallRef, EndReason
from sovereign.calls.store import CallStore
from sovereign.credits.store import CreditStore
from sovereign.kernel import ids
from sovereign.nodes.model import Node
from sovereign.nodes.store import NodeStore
from sovereign.webhooks.answers import Failure, WebhookFailedError
from tests.component.calls.simulation.table import ReachedTable, WatchedTable
from tests.component.calls.simulation.talk import Talk
from tests.component.calls.simulation.tenants import CIPHER, Tenant
from tests.component.calls.simulation.virtual import OWNER, SimulatedLoop, kill
from tests.component.campaigns.simulation.chances import CrashError
from tests.unit.media_process.scripted import Leg

T = TypeVar("T")
CAPACITY = 12
_DIAL_CODES = (486, 480, 603, 404, None)


class NodeLifecycle(CallLifecycle):
    """Remembers what the node knew of the ends it wrote: `knew` when it tried, `told` when it was answered."""

    knew: dict[str, CallOutcome]
    told: set[str]

    def finish(self, ref: CallRef, outcome: CallOutcome, *, unclaimed_only: bool = False) -> bool:
        if outcome.ended_at is not None and outcome.end_reason is not EndReason.NODE_LOST:
            self.knew[ref.call_id] = outcome
        ended = super().finish(ref, outcome, unclaimed_only=unclaimed_only)
        self.told.add(ref.call_id)
        return ended


class SimulatedNode:
    """One process from its start to its death; what comes after it has another id."""

    def __init__(
        self,
        loop: SimulatedLoop,
        table: WatchedTable,
        chance: Random,
        tenants: Mapping[str, Tenant],
        memory: "tuple[dict[str, CallOutcome], set[str]]",
    ) -> None:
        self.chance, self.clock = chance, loop.clock
        self.node_id = ids.new_id()
        self.dead = False
        self.killed_at: datetime | None = None
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self.threads: dict[greenlet, None] = {}
        self._loop, self._tenants = loop, tenants
        self._cut_until = self._hung_until = loop.clock()
        self._requests_left: int | None = None
        self._leaks = 0.0
        reached = ReachedTable(table, self._around)
        self.calls = CallStore(reached, self.clock, cipher=CIPHER)
        self.calls.lifecycle = lifecycle = NodeLifecycle(reached, self.clock, self.calls.rows, self.calls.private)
        lifecycle.knew, lifecycle.told = memory
        self.credits = CreditStore(reached, self.clock)
        self.capacity = Capacity(CAPACITY)
        services = CallServices(
            node_id=self.node_id,
            calls=self.calls,
            directory=cast(Any, self),
            asker=cast(Any, self),
            prepare=cast(Any, self._prepare),
            announce=cast(Any, self._announce),
            dial=cast(Any, self._dial),
            executor=cast(Any, None),
        )
        self.director = Director(services, self.capacity)
        registered = Node(
            node_id=self.node_id,
            control_address="h:1",
            certificate_pem="",
            heartbeat_at=self.clock(),
            started_at=self.clock(),
            capacity=CAPACITY,
        )
        self.heartbeat = Heartbeat(
            NodeStore(reached, self.clock), registered, self.capacity, cast(Any, None), self._on_lost
        )
        self._context = copy_context()
        self._context.run(OWNER.set, self)

    # its life

    def start(self) -> None:
        self._context.run(self._loop.create_task, self._live())

    async def _live(self) -> None:
        try:
            await self.heartbeat.register()
        except Exception:  # noqa: BLE001 - the process exits, the supervisor starts another
            self.kill()
            return
        await self.heartbeat.run()

    def kill(self) -> None:
        """At once, wherever it is."""
        if not self.dead:
            self.killed_at = self.clock()
            kill(self)

    def kill_soon(self) -> None:
        """At one of its next requests: before it is sent, or once it was applied and before it is answered."""
        self._requests_left = self.chance.randrange(12)

    def cut_off(self, seconds: float) -> None:
        """Its requests fail: all, or all but some, of which a few were applied."""
        self._leaks = self.chance.choice([0.0, 0.0, 0.1])
        self._cut_until = self.clock() + timedelta(seconds=seconds)

    def hang(self, seconds: float) -> None:
        """Its requests wait, then they are sent after all."""
        self._hung_until = self.clock() + timedelta(seconds=seconds)

    async def shut_down(self) -> None:
        """SIGTERM: the calls may go on for a while, then they are ended, then everything is."""
        self.capacity.drain()
        for patience in (30, 60):
            try:
                async with asyncio.timeout(patience):
                    await self.director.finished()
            except TimeoutError:
                await self._own(self.director.stop_calls, EndReason.SHUTDOWN)
        await self._own(self.heartbeat.stop)
        self.kill()

    async def _own(self, act: Callable[..., Any], *arguments: Any) -> None:
        task = self._context.run(lambda: self._loop.create_task(act(*arguments)))
        await asyncio.wait([task])

    def _on_lost(self) -> None:
        self._loop.create_task(self.director.stop_calls(EndReason.SHUTDOWN))

    def _around(self, send: Callable[[], T]) -> T:
        if self.chance.random() < 0.05:
            self._loop.sleep(self.chance.uniform(0.01, 0.5))
        while (wait := self._hung_until - self.clock()) > timedelta(0):
            self._loop.sleep(wait.total_seconds() + self.chance.random())
        cut = self.clock() < self._cut_until
        if cut:
            self._loop.sleep(self.chance.uniform(0.1, 3))
        dies = self._requests_left == 0
        if self._requests_left:
            self._requests_left -= 1
        if self.dead or (dies and self.chance.random() < 0.5):
            self.kill()
            raise CrashError
        fails = self.chance.random() < (1 - self._leaks / 2 if cut else 0.004)
        if fails and self.chance.random() < (1 - self._leaks if cut else 0.5):
            raise ReadTimeoutError(endpoint_url="table")
        answer = send()
        if dies:
            self.kill()
            raise CrashError
        if fails:
            raise ReadTimeoutError(endpoint_url="table")
        return answer

    # what arrives

    def invite(self, tenant: Tenant) -> None:
        """Somebody calls; not with patience for ever."""
        leg = Leg(lambda _: None)
        leg.confirms = self.chance.random() < 0.98
        self._loop.call_later(self.chance.uniform(0.2, 900), leg.close, LegClosedBy.PEER)
        if self.chance.random() < 0.05:
            self._loop.call_later(self.chance.uniform(0, 2), leg.close, LegClosedBy.PEER)
        headers = {"To": f"<sip:{tenant.number}@127.0.0.1>", "From": "<sip:+31612345678@127.0.0.1>;tag=1"}
        self._context.run(self.director.on_invite, Invite(cast(Any, leg), headers))

    def order(self, ref: CallRef) -> bool:
        """Whether it dials."""
        return not self.dead and bool(self._context.run(self.director.dial, ref.org_id, ref.call_id))

    # the directory

    def inbound_route(self, called: str | None, source: str | None) -> InboundRoute:
        tenant = next(tenant for tenant in self._tenants.values() if tenant.number == called)
        return InboundRoute(
            org_id=tenant.org_id,
            number_id="number",
            number=tenant.number,
            assistant=tenant.assistant,
            payer_org_id=tenant.payer,
            announce_rejections=self.chance.random() < 0.5,
            has_minutes=self.chance.random() < 0.99,
        )

    def outbound_route(self, call: Call) -> OutboundRoute:
        tenant = self._tenants[call.ref.org_id]
        return OutboundRoute(
            trunk=TrunkRoute(trunk_id="trunk", address="127.0.0.1"),
            caller=tenant.number,
            destination="+31201234567",
            assistant=tenant.assistant,
            metered=tenant.payer is not None,
        )

    def answered(self, org_id: str, base: EffectiveAssistant, answer: Any) -> EffectiveAssistant | Rejection:
        fate = self.chance.random()
        if fate < 0.1:
            return Rejection("We are closed.")
        return replace_metadata(base) if fate < 0.4 else base

    def freeze(self, assistant: EffectiveAssistant, org_id: str, call_id: str) -> Mapping[str, Any]:
        return assistant.freeze(CIPHER, org_id=org_id, call_id=call_id)

    def reserve_credits(self, payer: str, call: CallRef) -> None:
        self.credits.reserve(payer, call.org_id, call.call_id, while_up=row_is_up(call))

    # the other collaborators

    async def assistant_request(self, target: Any, call: Any) -> Mapping[str, Any]:
        await asyncio.sleep(self.chance.uniform(0.05, 2))
        if self.chance.random() < 0.1:
            raise WebhookFailedError(Failure.TIMEOUT, "too late")
        return {}

    async def _prepare(self, conversation: Conversation) -> "Prepared":
        await asyncio.sleep(self.chance.uniform(0.05, 1))
        if self.chance.random() < 0.02:
            raise ProviderError("local", "no answer", retryable=True)
        return Prepared(self, conversation)

    async def _announce(self, *_: Any) -> None:
        await asyncio.sleep(self.chance.uniform(1, 10))

    async def _dial(self, *_: Any) -> Leg:
        leg, chance, later = Leg(lambda _: None), self.chance, self._loop.call_later
        later(chance.uniform(0.1, 3), leg.events.put_nowait, LegRinging())
        if chance.random() < 0.3:
            later(chance.uniform(0.1, 40), leg.close, LegClosedBy.FAILED, chance.choice(_DIAL_CODES))
        else:
            later(chance.uniform(1, 35), leg.events.put_nowait, LegAnswered())
            later(chance.uniform(36, 500), leg.close, LegClosedBy.PEER)
        return leg


class Prepared:
    """A conversation ready to begin."""

    own_keys = frozenset({"llm"})

    def __init__(self, node: SimulatedNode, conversation: Conversation) -> None:
        self._node, self._conversation = node, conversation

    def start(self, leg: Leg) -> Talk:
        return Talk(self._node, self._conversation, leg)

    async def discard(self) -> None:
        return


def replace_metadata(assistant: EffectiveAssistant) -> EffectiveAssistant:
    """Another assistant than the saved one."""
    changed = assistant.settings.model_copy(update={"metadata": {"answered": "yes"}})
    return assistant.model_copy(update={"settings": changed})
