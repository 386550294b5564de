"""Which ways a transfer may go, what the second leg shows, and where it ends in a circle."""

from typing import Any

import pytest

from media.routes import Line
from media.telephony.transfer_route import TransferRoute
from media.transfer_routes import TransferRoutes
from sovereign.destinations import sip_uris
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.errors import DestinationNotAllowedError, InvalidStateError
from sovereign.kernel.table import Table
from sovereign.numbers import NumberSettings, NumberStore
from sovereign.sip_trunks import TrunkSettings, TrunkStore
from tests.component.assistants.fixtures import ORG, cipher, cloud, table
from tests.unit.destinations.names import Names

__all__ = ["cipher", "cloud", "table"]

OWN, OTHER_OWN, DESK, CUSTOMER = "+31850835037", "+31850835038", "+31201234567", "+31612345678"


class Office:
    """An organization with two numbers and the trunks that are asked for."""

    def __init__(self, table: Table, cipher: Cipher) -> None:
        self._numbers, self.trunks = NumberStore(table), TrunkStore(table, cipher)
        self._routes = TransferRoutes(table, self.trunks)

    def trunk(self, address: str = "8.8.8.8:5060", **members: Any) -> str:
        return self.trunks.create(ORG, TrunkSettings(name="T", provider="p", address=address, **members), None).id

    def number(self, phone_number: str, trunk_id: str | None) -> str:
        number, _ = self._numbers.create(ORG, NumberSettings(phone_number=phone_number, transfer_trunk_id=trunk_id))
        self._numbers.verify(ORG, number.id)
        return number.id

    def route(self, trunk: str | None, destination: str = DESK, *, came_by: str | None = None, hops: int = 0) -> Any:
        number_id = self.number(OWN, trunk)
        line = Line(number_id=number_id, trunk_id=came_by or trunk, customer=CUSTOMER, hops=hops)
        return self._routes.find(ORG, line, destination)


@pytest.fixture
def office(table: Table, cipher: Cipher) -> Office:
    return Office(table, cipher)


def ways(route: TransferRoute) -> tuple[bool, bool]:
    return route.refer_to is not None, route.second_leg is not None


@pytest.mark.parametrize(
    ("mode", "expected"), [("refer", (True, False)), ("bridge", (False, True)), ("auto", (True, True))]
)
def test_trunk_says_which_ways(office: Office, mode: str, expected: tuple[bool, bool]) -> None:
    assert ways(office.route(office.trunk(transfer_mode=mode))) == expected


def test_trunk_of_its_own_for_transfers_is_used_at_once(office: Office) -> None:
    onward = office.trunk("9.9.9.9:5060")
    route = office.route(onward, came_by=office.trunk())
    assert ways(route) == (False, True)
    assert route.second_leg.trunk.trunk_id == onward


def test_number_without_a_trunk_uses_that_of_the_call(office: Office) -> None:
    trunk = office.trunk(transfer_mode="bridge")
    assert office.route(None, came_by=trunk).second_leg.trunk.trunk_id == trunk


@pytest.mark.parametrize(("caller_id", "shown"), [("own", OWN), ("pass_through", CUSTOMER)])
def test_second_leg_shows_whom_the_trunk_allows(office: Office, caller_id: str, shown: str) -> None:
    assert office.route(office.trunk(caller_id=caller_id)).second_leg.caller == shown


@pytest.mark.parametrize("destination", [OWN, CUSTOMER, f"sip:{OWN}@8.8.8.8", f"sip:{CUSTOMER}@8.8.8.8"])
def test_call_is_not_transferred_to_itself(office: Office, destination: str) -> None:
    with pytest.raises(DestinationNotAllowedError, match="itself"):
        office.route(office.trunk(), destination)


@pytest.mark.parametrize(
    "destination",
    [
        "sip:+31900123456@8.8.8.8",
        "sip:+112@8.8.8.8",
        "SIP:+12025550123@8.8.8.8",
        "sip:%2B31900123456@8.8.8.8",
        "sip:+31-900-(123)-456@8.8.8.8",
        "sip:+3190012345%36;phone-context=x@8.8.8.8",
        "sip:0900123456@8.8.8.8",
        "sips:0031900123456@8.8.8.8",
        "sip:112@8.8.8.8",
    ],
)
def test_number_inside_a_uri_is_checked_as_any_number(office: Office, destination: str) -> None:
    with pytest.raises(DestinationNotAllowedError):
        office.route(office.trunk(), destination)


def test_desk_with_a_number_is_called(office: Office) -> None:
    assert office.route(office.trunk(), "sip:2001@9.9.9.9").second_leg.target == "sip:2001@9.9.9.9"


def test_uri_is_called_at_the_address_that_was_checked(office: Office) -> None:
    second = office.route(office.trunk(), "sip:desk@9.9.9.9;transport=tcp").second_leg
    assert (second.target, second.caller) == ("sip:desk@9.9.9.9;transport=tcp", OWN)
    assert (second.trunk.outbound_proxy, second.trunk.transport) == ("9.9.9.9:5060", "tcp")
    assert second.trunk.auth_password is None


@pytest.mark.parametrize(
    ("uri", "address"),
    [("sips:desk@pbx.example", "pbx.example:5061"), ("sip:desk@pbx.example:5071;transport=tls", "pbx.example:5071")],
)
def test_uri_over_tls_is_called_by_the_name_its_certificate_must_show(
    office: Office, monkeypatch: pytest.MonkeyPatch, uri: str, address: str
) -> None:
    monkeypatch.setattr(sip_uris, "_SYSTEM_NAMES", Names({"pbx.example": ["9.9.9.9"]}))
    trunk = office.route(office.trunk(srtp="required"), uri).second_leg.trunk
    assert (trunk.address, trunk.outbound_proxy, trunk.transport, trunk.srtp) == (address, None, "tls", "required")


@pytest.mark.parametrize(
    ("members", "destination"),
    [
        ({}, "sips:desk@9.9.9.9"),
        ({"transport": "tls", "transfer_mode": "bridge"}, DESK),
        ({"transport": "tls", "transfer_mode": "bridge", "outbound_proxy": "[2001:4860:4860::8888]:5061"}, DESK),
    ],
)
def test_tls_to_an_ip_address_is_refused(office: Office, members: Any, destination: str) -> None:
    with pytest.raises(InvalidStateError, match="host name"):
        office.route(office.trunk(**members), destination)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("member", ["address", "outbound_proxy"])
def test_trunk_is_called_at_the_address_that_was_checked(
    office: Office, monkeypatch: pytest.MonkeyPatch, transport: str, member: str
) -> None:
    names = Names({"sip1.example": ["9.9.9.9"]}, {f"_sip._{transport}.carrier.example": [("sip1.example", 5070)]})
    monkeypatch.setattr(sip_uris, "_SYSTEM_NAMES", names)
    members = {"address": "8.8.8.8:5060", member: "carrier.example"}
    trunk = office.route(office.trunk(**members, transport=transport)).second_leg.trunk
    assert (trunk.address, trunk.outbound_proxy) == (members["address"], "9.9.9.9:5070")


def test_trunk_over_tls_is_called_by_the_name_its_certificate_must_show(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sip_uris, "_SYSTEM_NAMES", Names({"carrier.example": ["9.9.9.9"]}))
    trunk = office.route(office.trunk("carrier.example", transport="tls")).second_leg.trunk
    assert (trunk.address, trunk.outbound_proxy) == ("carrier.example", None)


def test_trunk_with_an_ip_address_is_called_as_it_was_saved(office: Office) -> None:
    trunk = office.route(office.trunk("8.8.8.8:5070")).second_leg.trunk
    assert (trunk.address, trunk.outbound_proxy) == ("8.8.8.8:5070", None)


def test_trunk_whose_service_leads_to_a_private_host_is_not_called(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = {"_sip._udp.carrier.example": [("inside.example", 5060)]}
    names = Names({"carrier.example": ["9.9.9.9"], "inside.example": ["10.0.0.1"]}, services)
    monkeypatch.setattr(sip_uris, "_SYSTEM_NAMES", names)
    with pytest.raises(DestinationNotAllowedError):
        office.route(office.trunk("carrier.example"))


def test_own_number_is_reached_by_a_leg_that_carries_the_hops(office: Office) -> None:
    office.number(OTHER_OWN, None)
    route = office.route(office.trunk(), OTHER_OWN, hops=1)
    assert ways(route) == (False, True)
    assert route.second_leg.headers == {"X-Sovereign-Hops": "2"}


def test_own_number_by_refer_carries_the_hops_in_the_uri(office: Office) -> None:
    office.number(OTHER_OWN, None)
    route = office.route(office.trunk(transfer_mode="refer"), OTHER_OWN)
    assert route.refer_to == f"sip:{OTHER_OWN}@8.8.8.8:5060?X-Sovereign-Hops=1"
