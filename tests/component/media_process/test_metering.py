"""Who pays for a call, asked of the real stores: metered or not, and whether the month still has minutes."""

from dataclasses import replace
from typing import Any

import pytest

from media.directory import TableDirectory
from media.routes import InboundRoute
from sovereign.assistants import AssistantStore
from sovereign.assistants.settings import AssistantSettings
from sovereign.calls.model import CallOutcome, EndReason, NewCall
from sovereign.calls.store import CallStore
from sovereign.kernel import ids
from sovereign.kernel.clock import utc_now
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.table import Put, Table
from sovereign.numbers import NumberSettings, NumberStore
from sovereign.organizations.items import to_item
from sovereign.organizations.store import OrganizationStore
from sovereign.sip_trunks import TrunkSettings, TrunkStore
from sovereign.usage.model import NewUsage
from sovereign.usage.store import booking_writes, usage_counter_ref
from tests.component.assistants.fixtures import ORG, OTHER_ORG, cipher, cloud, organization, table
from tests.component.calls.harness import new_call
from tests.unit.media_process.scripted import assistant

__all__ = ["cipher", "cloud", "table"]

OWN, CALLER, SOURCE = "+31850835037", "+31612345678", "203.0.113.9"


class World:
    """An organization with a number whose trunk takes calls from SOURCE."""

    def __init__(self, table: Table, cipher: Cipher) -> None:
        self.table = table
        self.calls = CallStore(table, cipher=cipher)
        self.directory = TableDirectory(table, cipher, self.calls)
        trunk_settings = TrunkSettings(name="T", provider="p", address="8.8.8.8:5060", inbound_addresses=[SOURCE])
        trunk = TrunkStore(table, cipher).create(ORG, trunk_settings, None)
        agent = AssistantStore(table, cipher).create(ORG, AssistantSettings(name="A"))
        numbers = NumberStore(table)
        settings = NumberSettings(phone_number=OWN, transfer_trunk_id=trunk.id, agent_id=agent.assistant.id)
        self.number, _ = numbers.create(ORG, settings)
        numbers.verify(ORG, self.number.id)

    def set(self, **members: Any) -> None:
        self.table.put(Put(to_item(replace(organization(ORG), **members))))

    def use(self, minutes: int) -> None:
        counter = self.table.get(usage_counter_ref(ORG))
        used = NewUsage(
            call_id="c", duration_sec=60 * minutes, billed_minutes=minutes, call_type="phone", outbound=False
        )
        self.table.transact(booking_writes(ORG, counter, used, utc_now()))

    def inbound(self) -> InboundRoute:
        route = self.directory.inbound_route(OWN, SOURCE)
        assert isinstance(route, InboundRoute)
        return route


@pytest.fixture
def world(table: Table, cipher: Cipher) -> World:
    return World(table, cipher)


def test_unlimited_organization_reserves_nothing(world: World) -> None:
    assert (world.inbound().payer_org_id, world.inbound().has_minutes) == (None, True)


def test_metered_child_is_paid_for_by_its_parent(world: World) -> None:
    world.set(billing_mode="metered", parent_org_id=OTHER_ORG)
    assert world.inbound().payer_org_id == OTHER_ORG


@pytest.mark.parametrize(("used", "has_minutes"), [(0, True), (4, True), (5, False), (6, False)])
@pytest.mark.parametrize("mode", ["metered", "unlimited"])
def test_month_is_over_once_its_minutes_are_used(world: World, used: int, has_minutes: bool, mode: str) -> None:
    world.set(billing_mode=mode, parent_org_id=OTHER_ORG, monthly_minutes_limit=5)
    if used:
        world.use(used)
    assert world.inbound().has_minutes is has_minutes


@pytest.mark.parametrize(("mode", "metered"), [("metered", True), ("unlimited", False)])
def test_outbound_call_is_metered_as_its_organization_is(
    world: World, cipher: Cipher, mode: str, metered: bool
) -> None:
    world.set(billing_mode=mode)
    new = NewCall(
        org_id=ORG,
        call_id=ids.new_call_id("outbound"),
        direction="outbound",
        caller_phone=CALLER,
        assistant_phone=OWN,
        number_id=world.number.id,
    )
    frozen = assistant().freeze(cipher, org_id=ORG, call_id=new.call_id)
    call = world.calls.starts.create(new, frozen_assistant=frozen)
    assert world.directory.outbound_route(call).metered is metered


def test_extension_takes_the_minute_from_the_payers_balance(world: World) -> None:
    world.table.put(Put(to_item(organization(OTHER_ORG, minutes_balance=3))))
    call = world.calls.starts.create(new_call(org_id=ORG, ringing=True), node_id="node").ref
    world.directory.reserve_credits(OTHER_ORG, call)
    assert world.directory.extend_credits(ORG, call.call_id, 3)
    assert not world.directory.extend_credits(ORG, call.call_id, 4)


def test_reservation_that_comes_after_the_end_of_its_call_takes_nothing(world: World) -> None:
    world.table.put(Put(to_item(organization(OTHER_ORG, minutes_balance=3))))
    call = world.calls.starts.create(new_call(org_id=ORG, ringing=True), node_id="node").ref
    world.calls.lifecycle.finish(call, CallOutcome(end_reason=EndReason.NODE_LOST))
    world.directory.reserve_credits(OTHER_ORG, call)
    assert OrganizationStore(world.table).get(OTHER_ORG).minutes_balance == 3
