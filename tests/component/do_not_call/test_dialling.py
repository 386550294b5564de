"""A listed number is not dialled, whoever asks for it."""

from dataclasses import dataclass

import pytest

from media.directory import TableDirectory
from media.routes import Line
from sovereign.calls.store import CallStore
from sovereign.do_not_call import DoNotCallStore, Listing
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.errors import DestinationNotAllowedError
from sovereign.kernel.table import Table
from sovereign.numbers import NumberSettings, NumberStore, outbound_context
from sovereign.sip_trunks import TrunkSettings, TrunkStore
from tests.component.assistants.fixtures import ORG, OTHER_ORG, Requests

DESTINATION = "+31612345678"


@dataclass
class World:
    table: Table
    directory: TableDirectory
    list: DoNotCallStore


@pytest.fixture
def world(table: Table, cipher: Cipher) -> World:
    numbers, trunks = NumberStore(table), TrunkStore(table, cipher)
    for org_id, phone in ((ORG, "+31850835037"), (OTHER_ORG, "+31850835038")):
        trunk = trunks.create(org_id, TrunkSettings(name="T", provider="p", address="8.8.8.8:5060"), None)
        number, _ = numbers.create(org_id, NumberSettings(phone_number=phone, transfer_trunk_id=trunk.id))
        numbers.verify(org_id, number.id)
    directory = TableDirectory(table, cipher, CallStore(table, cipher=cipher))
    return World(table, directory, DoNotCallStore(table))


def test_listed_number_is_no_destination(world: World, requests_made: Requests) -> None:
    assert outbound_context(world.table, ORG, destination=DESTINATION).check_destination() == DESTINATION
    world.list.add(ORG, Listing(phone_number=DESTINATION))
    requests_made.clear()
    with pytest.raises(DestinationNotAllowedError) as refused:
        outbound_context(world.table, ORG, destination=DESTINATION).check_destination()
    assert refused.value.machine_code == "destination_not_allowed"
    assert DESTINATION not in str(refused.value)
    assert len(requests_made) == 2


def test_list_of_another_organization_does_not_count(world: World) -> None:
    world.list.add(ORG, Listing(phone_number=DESTINATION))
    assert outbound_context(world.table, OTHER_ORG, destination=DESTINATION).check_destination() == DESTINATION


def test_number_that_is_taken_off_may_be_called_again(world: World) -> None:
    world.list.add(ORG, Listing(phone_number=DESTINATION))
    world.list.remove(ORG, DESTINATION)
    assert outbound_context(world.table, ORG, destination=DESTINATION).check_destination() == DESTINATION


def test_nobody_is_transferred_to_a_listed_number(world: World) -> None:
    assert f"sip:{DESTINATION}@8.8.8.8:5060" in str(vars(world.directory.transfer_route(ORG, Line(), DESTINATION)))
    world.list.add(ORG, Listing(phone_number=DESTINATION))
    with pytest.raises(DestinationNotAllowedError):
        world.directory.transfer_route(ORG, Line(), DESTINATION)


def test_who_opts_out_in_a_call_is_not_dialled_again(world: World) -> None:
    world.directory.forbid_calls(ORG, DESTINATION, "call-outbound-x")
    world.directory.forbid_calls(ORG, DESTINATION, "call-outbound-y")
    with pytest.raises(DestinationNotAllowedError):
        outbound_context(world.table, ORG, destination=DESTINATION).check_destination()
    (entry,) = world.list.page(ORG, limit=10).entries
    assert (entry.phone_number, entry.reason) == (DESTINATION, "Asked for during call-outbound-x")
    assert world.list.page(OTHER_ORG, limit=10).entries == []
