"""Calls on nodes that are killed at random, in virtual time: stores, functions and the nodes' own code are the real
ones, the table is in memory; the network, the phones and AWS's ways of calling functions are made up from a seed."""

import asyncio
import logging
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Final
from unittest.mock import patch
from uuid import UUID

from sovereign.calls.model import CallRef
from sovereign.kernel import backoff, ids
from sovereign.kernel.table import Item, Ref
from sovereign.nodes.client import NO_CAPACITY, NODE_UNREACHABLE, NodeAnswer
from tests.component.calls.harness import START, new_outbound
from tests.component.calls.simulation.cloud import Cloud
from tests.component.calls.simulation.node import SimulatedNode
from tests.component.calls.simulation.promises import Promises
from tests.component.calls.simulation.table import WatchedTable
from tests.component.calls.simulation.tenants import CIPHER, Tenant, drawn_tenants
from tests.component.calls.simulation.virtual import SimulatedLoop

NODES: Final = 3
LONGEST: Final = timedelta(hours=60)
"""A delivery is tried for more than a day."""
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


class World:
    """One stage for as long as it takes to make `calls` calls and to bring them all to their end."""

    def __init__(self, seed: int, *, calls: int) -> None:
        self.chance = random.Random(seed)
        self._wanted = calls
        self.loop = SimulatedLoop(START)
        self.promises = Promises(self.loop.clock)
        self.table = WatchedTable(self._on_change)
        self.nodes: list[SimulatedNode] = []
        self.cloud = Cloud(self.loop, self.table, self.chance, self._dial)
        self.tenants: dict[str, Tenant] = {}
        self._broken: list[AssertionError] = []

    def run(self) -> list[str]:
        """The ids of calls that lost their report. Raises AssertionError for any other promise that is broken."""
        with self._seeded(), asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            self.tenants = drawn_tenants(self.chance, self.table, self.loop.clock())
            runner.run(self._run())
        lost = self.promises.lost_reports(self.table, self.tenants, self.cloud.functions.sent)
        if not lost:
            self.promises.check_times(self.table, self.nodes, self.cloud.troubled)
            self.promises.check_bills(self.table, self.tenants)
            self.promises.check_burden(self.table, self.tenants)
        return lost

    @contextmanager
    def _seeded(self) -> Iterator[None]:
        """Ids and pauses come from the seed and from virtual time; what is logged of all this is of no use."""
        chance = self.chance

        def new_call_id(direction: str) -> str:
            return f"call-{direction}-" + "".join(chance.choices(_ALPHABET, k=12))

        with ExitStack() as stack:
            stack.enter_context(self.cloud.functions.wired())
            stack.enter_context(patch.object(ids, "new_id", lambda: str(UUID(int=chance.getrandbits(128)))))
            stack.enter_context(patch.object(ids, "new_call_id", new_call_id))
            stack.enter_context(patch.object(backoff, "time", SimpleNamespace(sleep=self.loop.sleep)))
            stack.enter_context(patch.object(backoff, "random", chance))
            stack.callback(logging.disable, logging.root.manager.disable)
            logging.disable(logging.CRITICAL)
            yield

    async def _run(self) -> None:
        for _ in range(NODES):
            self._start_node()
        self.cloud.run_schedules()
        troubles = asyncio.create_task(self._trouble())
        while self.promises.calls < self._wanted:
            await asyncio.sleep(self.chance.expovariate(1 / 1.5))
            self._call()
            self._check()
        await asyncio.sleep(self.chance.uniform(0, 200))
        troubles.cancel()
        while not self._is_settled():
            assert self.loop.clock() - START < LONGEST, self._left()
            await asyncio.sleep(30)
            self._check()
        self._check()
        assert all(node.capacity.active == 0 for node in self.nodes if not node.dead), "a slot is not given back"
        assert not self.cloud.functions.unreadable, self.cloud.functions.unreadable

    def _check(self) -> None:
        for broken in (*self._broken, *self.cloud.defects):
            raise broken
        self.promises.check_load(self.table, self.tenants)

    def _is_settled(self) -> bool:
        """Everything that is going to happen has happened: no mark and no message is left, nobody carries a call."""
        return self.cloud.is_idle and not any(self._left())

    def _left(self) -> tuple[object, ...]:
        marks = [mark for order in self.table.due.values() for mark in order]
        carried = [node.node_id for node in self.nodes if not node.dead and node.capacity.active]
        return +self.promises.up, marks, carried

    def _on_change(self, ref: Ref, before: Item | None, after: Item | None) -> None:
        try:
            self.promises.on_change(ref, before, after)
        except AssertionError as broken:
            self._broken.append(broken)  # whoever writes would take it for a failed write
        self.cloud.on_change(ref, before, after)

    # nodes

    def _start_node(self) -> None:
        memory = self.promises.knew, self.promises.told
        node = SimulatedNode(self.loop, self.table, self.chance, self.tenants, memory)
        self.nodes.append(node)
        node.start()

    async def _trouble(self) -> None:
        chance = self.chance
        while True:
            await asyncio.sleep(chance.expovariate(1 / 30))
            for _ in range(NODES - len(self._alive())):
                self.loop.call_later(chance.uniform(2, 40), self._start_node)
            if not (alive := self._alive()):
                continue
            node, fate = chance.choice(alive), chance.random()
            if fate < 0.25:
                node.kill()
            elif fate < 0.5:
                node.kill_soon()
            elif fate < 0.7:
                node.cut_off(chance.choice([5, 30, 70, 150, 300]))
            elif fate < 0.9:
                node.hang(chance.choice([5, 30, 80, 150]))
            else:
                await node.shut_down()

    def _alive(self) -> list[SimulatedNode]:
        return [node for node in self.nodes if not node.dead]

    # calls

    def _call(self) -> None:
        tenant = self.chance.choice([*self.tenants.values()])
        if self.chance.random() < 0.4:
            self.cloud.start(self._place(tenant))
        elif alive := self._alive():
            self.chance.choice(alive).invite(tenant)

    async def _place(self, tenant: Tenant) -> None:
        """What `POST /calls/outbound` does once it has checked all; the function may end anywhere."""
        functions, call_id = self.cloud.functions, ids.new_call_id("outbound")

        def place() -> None:
            until = self.loop.clock() + timedelta(seconds=self.chance.choice([15, 60]))
            new = new_outbound(
                org_id=tenant.org_id,
                call_id=call_id,
                trunk_id="trunk",
                dial_before=until if self.chance.random() < 0.5 else None,
                private=tenant.assistant.settings.gdpr_mode,
            )
            payer = tenant.payer
            held = functions.credits.reserve_writes(payer, tenant.org_id, call_id) if payer else []
            frozen = tenant.assistant.freeze(CIPHER, org_id=tenant.org_id, call_id=call_id)
            functions.hand_over(functions.calls.starts.create(new, frozen_assistant=frozen, extra_writes=held).ref)

        try:
            await self.loop.invoke(place)
        except Exception:  # noqa: BLE001 - told to the client, who lives with it
            return

    def _dial(self, org_id: str, call_id: str) -> NodeAnswer:
        """The gateway asks one node after the other; its order may arrive late, twice, or be answered to nobody."""
        chance, ref = self.chance, CallRef(org_id, call_id, 0)
        nodes = self._alive()
        chance.shuffle(nodes)
        fate = chance.random()
        if nodes and fate < 0.04:
            self.loop.call_later(chance.uniform(1, 250), nodes[0].order, ref)
            return NodeAnswer(ok=False, code=NODE_UNREACHABLE)
        if len(nodes) > 1 and fate < 0.08:
            nodes.pop().order(ref)
        if not any(node.order(ref) for node in nodes):
            return NodeAnswer(ok=False, code=NO_CAPACITY)
        return NodeAnswer(ok=fate < 0.97, code=None if fate < 0.97 else NODE_UNREACHABLE)
