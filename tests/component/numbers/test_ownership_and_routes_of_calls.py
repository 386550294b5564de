"""Ownership of numbers, admission of inbound calls, and the caller ID of outbound ones."""

from typing import Any

import pytest

from sovereign.assistants import AssistantChanges, AssistantSettings, AssistantStore
from sovereign.assistants.store import assistant_ref
from sovereign.kernel.clock import utc_now
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.table import Put, Table, Update
from sovereign.numbers import (
    InboundAdmission,
    InboundRefusal,
    InboundRoute,
    NoOutboundNumberError,
    Number,
    NumberNotFoundError,
    NumberSettings,
    NumberStore,
    NumberTakenError,
    called_number,
    outbound_context,
)
from sovereign.organizations import organization_ref
from sovereign.organizations.items import to_item
from sovereign.sip_trunks import SipTrunk, TrunkSettings, TrunkStore
from tests.component.assistants.fixtures import ORG, OTHER_ORG, UNKNOWN_ID, organization

PHONE = "+31850835037"
SOURCE = "8.8.8.8"


class World:
    def __init__(self, table: Table, cipher: Cipher) -> None:
        self.table = table
        self.numbers = NumberStore(table)
        self.trunks = TrunkStore(table, cipher)
        self.assistants = AssistantStore(table, cipher)
        self.admission = InboundAdmission(table, self.numbers, self.trunks)

    def trunk(self, org_id: str = ORG, **members: Any) -> SipTrunk:
        given = {"name": "T", "provider": "p", "address": "sip.example.com", "inbound_addresses": [SOURCE], **members}
        return self.trunks.create(org_id, TrunkSettings.model_validate(given), None)

    def number(self, org_id: str = ORG, phone: str = PHONE, **members: Any) -> Number:
        return self.numbers.create(org_id, NumberSettings(phone_number=phone, **members))[0]

    def agent(self, org_id: str = ORG, **members: Any) -> str:
        settings = AssistantSettings.model_validate({"name": "A", **members})
        return self.assistants.create(org_id, settings).assistant.id

    def call(self, called: str = PHONE, source: str = SOURCE) -> InboundRoute | InboundRefusal:
        return self.admission.resolve_inbound(called, source)

    def refusal(self, **call: str) -> tuple[str, int | None]:
        refused = self.call(**call)
        assert isinstance(refused, InboundRefusal)
        return refused.code, refused.sip_code


@pytest.fixture
def world(table: Table, cipher: Cipher) -> World:
    return World(table, cipher)


def test_call_through_its_own_trunk_is_routed_and_verifies_the_number(world: World) -> None:
    trunk, agent = world.trunk(), world.agent()
    number = world.number(agent_id=agent)
    route = world.call("sip:0031850835037@edge.example;transport=udp")
    assert isinstance(route, InboundRoute)
    assert (route.number.id, route.trunk.id, route.verified) == (number.id, trunk.id, True)
    assert route.assistant is not None
    assert route.assistant.id == agent
    assert world.numbers.get(ORG, number.id).verification == "verified"
    assert [h.verified for h in world.numbers.holders(PHONE)] == [True]


def test_unknown_source_learns_nothing_about_numbers(world: World) -> None:
    world.trunk()
    world.number(agent_id=world.agent())
    assert world.refusal(source="9.9.9.9") == ("unknown_source", None)
    assert world.refusal(source="9.9.9.9", called="+31850000000") == ("unknown_source", None)
    assert world.refusal(source="nonsense") == ("unknown_source", None)


def test_known_source_is_told_of_an_unknown_number(world: World) -> None:
    world.trunk()
    assert world.refusal(called="+31850835999") == ("unknown_number", 404)
    assert world.refusal(called="anonymous") == ("unknown_number", 404)


def test_another_organizations_source_is_unknown_to_a_number(world: World) -> None:
    world.trunk(OTHER_ORG)
    world.number(agent_id=world.agent())
    assert world.refusal() == ("unknown_source", None)


def test_inactive_trunk_accepts_nothing(world: World) -> None:
    world.trunk(is_active=False)
    world.number(agent_id=world.agent())
    assert world.refusal() == ("unknown_source", None)


def test_number_without_assistant_needs_the_account_webhook(world: World) -> None:
    world.trunk()
    world.number()
    assert world.refusal() == ("no_assistant", 480)
    hooked = {"webhook_url": "https://example.com/hook", "webhook_events": ("status-update",)}
    world.table.put(Put(to_item(organization(ORG, **hooked))))
    assert world.refusal() == ("no_assistant", 480)
    world.table.put(Put(to_item(organization(ORG, **{**hooked, "webhook_events": None}))))
    route = world.call()
    assert isinstance(route, InboundRoute)
    assert route.assistant is None


def test_inactive_assistant_number_and_suspended_organization_refuse(world: World) -> None:
    world.trunk()
    agent = world.agent()
    number = world.number(agent_id=agent)
    world.assistants.update(ORG, agent, AssistantChanges(is_active=False))
    assert world.refusal() == ("assistant_inactive", 480)
    world.assistants.update(ORG, agent, AssistantChanges(is_active=True))
    world.table.update(Update(organization_ref(ORG), set={"suspended": True}))
    assert world.refusal() == ("no_assistant", 480)
    world.table.update(Update(organization_ref(ORG), set={"suspended": False}))
    world.numbers.update(ORG, number.id, {"is_active": False})
    assert world.refusal() == ("no_assistant", 480)


def test_call_goes_to_the_organization_whose_trunk_it_came_through(world: World) -> None:
    world.trunk(source_of := ORG, inbound_addresses=["8.8.8.8"])
    world.trunk(OTHER_ORG, inbound_addresses=["9.9.9.9"])
    mine, theirs = world.number(agent_id=world.agent()), world.number(OTHER_ORG, agent_id=world.agent(OTHER_ORG))
    for source, number in (("9.9.9.9", theirs), ("8.8.8.8", mine)):
        route = world.call(source=source)
        assert isinstance(route, InboundRoute)
        assert route.number.id == number.id
    assert world.numbers.get(source_of, mine.id).verification == "pending"
    assert world.numbers.get(OTHER_ORG, theirs.id).verification == "verified"


def test_source_shared_by_two_pending_holders_verifies_neither(world: World) -> None:
    for org_id in (ORG, OTHER_ORG):
        world.trunk(org_id)
    first = world.number(agent_id=world.agent())
    world.number(OTHER_ORG, agent_id=world.agent(OTHER_ORG))
    route = world.call()
    assert isinstance(route, InboundRoute)
    assert (route.number.id, route.verified) == (first.id, False)
    world.numbers.verify(OTHER_ORG, route_holder(world, OTHER_ORG))
    owned = world.call()
    assert isinstance(owned, InboundRoute)
    assert (owned.number.org_id, owned.verified) == (OTHER_ORG, True)


def route_holder(world: World, org_id: str) -> str:
    return next(h.number_id for h in world.numbers.holders(PHONE) if h.org_id == org_id)


def test_verified_number_cannot_be_registered_or_verified_by_another(world: World) -> None:
    mine, theirs = world.number(), world.number(OTHER_ORG)
    world.numbers.verify(ORG, mine.id)
    assert world.numbers.verify(ORG, mine.id).verification == "verified"
    with pytest.raises(NumberTakenError):
        world.numbers.verify(OTHER_ORG, theirs.id)
    assert world.numbers.claim_by_call(OTHER_ORG, theirs.id) is False
    world.numbers.delete(OTHER_ORG, theirs.id)
    with pytest.raises(NumberTakenError):
        world.number(OTHER_ORG)
    world.numbers.delete(ORG, mine.id)
    assert world.number(OTHER_ORG).verification == "pending"


@pytest.mark.parametrize(
    "text",
    [
        "+31850835037",
        "31850835037",
        "0031850835037",
        "sip:+31850835037@example.com:5060;user=phone",
        '"Front" <sips:31850835037@example.com>;tag=1',
        "tel:+31-85-083-5037",
        "+31 (85) 083.5037",
    ],
)
def test_called_number_reads_every_form(text: str) -> None:
    assert called_number(text) == PHONE


def test_called_number_falls_back_in_order() -> None:
    assert called_number("sip:desk@x", None, "<sip:+31850835037@x>", "sip:+31850835038@x") == PHONE
    assert called_number("sip:desk@x", "") is None


def capable(world: World, phone: str, trunk: SipTrunk) -> Number:
    number = world.number(phone=phone, transfer_trunk_id=trunk.id)
    return world.numbers.verify(ORG, number.id)


def test_outbound_number_is_the_least_recently_used(world: World) -> None:
    trunk = world.trunk()
    first, second = capable(world, PHONE, trunk), capable(world, "+442079460000", trunk)
    chosen = outbound_context(world.table, ORG)
    world.table.transact([world.numbers.used_for_call(chosen.number, utc_now())])
    other = outbound_context(world.table, ORG)
    assert {chosen.number.id, other.number.id} == {first.id, second.id}
    assert set(chosen.own_numbers) == {PHONE, "+442079460000"}
    assert chosen.trunk.id == trunk.id


def test_outbound_number_is_one_whose_trunk_has_room_where_there_is_one(world: World) -> None:
    full, free = world.trunk(), world.trunk()
    first = capable(world, PHONE, full)
    world.table.transact([world.numbers.used_for_call(capable(world, "+442079460000", free), utc_now())])
    chosen = outbound_context(world.table, ORG, has_room=lambda _org, trunk, _found: trunk.id == free.id)
    assert chosen.trunk.id == free.id
    assert outbound_context(world.table, ORG, has_room=lambda *_: False).number.id == first.id
    assert outbound_context(world.table, ORG).number.id == first.id


def test_outbound_number_must_be_verified_active_and_have_a_trunk(world: World) -> None:
    trunk, idle = world.trunk(), world.trunk(is_active=False)
    pending = world.number(transfer_trunk_id=trunk.id)
    bare = world.numbers.verify(ORG, world.number(phone="+31850835001").id)
    asleep = capable(world, "+31850835002", trunk)
    world.numbers.update(ORG, asleep.id, {"is_active": False})
    cut_off = capable(world, "+31850835003", idle)
    for number_id in (None, pending.id, bare.id, asleep.id, cut_off.id):
        with pytest.raises(NoOutboundNumberError):
            outbound_context(world.table, ORG, number_id)
    for number_id in (UNKNOWN_ID, "nonsense"):
        with pytest.raises(NumberNotFoundError):
            outbound_context(world.table, ORG, number_id)
    with pytest.raises(NumberNotFoundError):
        outbound_context(world.table, OTHER_ORG, pending.id)


def test_outbound_context_reads_other_items_along(world: World) -> None:
    capable(world, PHONE, world.trunk())
    key, gone = assistant_ref(ORG, world.agent()), assistant_ref(ORG, UNKNOWN_ID)
    assert set(outbound_context(world.table, ORG, also=[key, gone]).others) == {key}
