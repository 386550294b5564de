"""Where may be dialled."""

import socket
from collections.abc import Iterator
from typing import Never

import dns.exception
import dns.rdataset
import dns.resolver
import pytest

from sovereign.destinations import (
    DialledAlready,
    OutboundLimitError,
    allowed_countries,
    check_destination,
    check_limits,
    check_sip_target,
    is_sip_uri,
    number_in_uri,
    refuse_bare_number,
)
from sovereign.destinations.sip_servers import SystemNames
from sovereign.kernel.addresses import allowed_networks
from sovereign.kernel.errors import DestinationNotAllowedError, InvalidRequestError
from sovereign.kernel.settings import read_environment
from sovereign.organizations import OutboundPolicy
from tests.unit.destinations.names import Names

WORLD = frozenset({"NL", "US", "GB", "DE", "FR", "BE", "IT", "AU", "EE"})


@pytest.mark.parametrize(
    "number",
    ["+31850835037", "+31612345678", "+318001234", "+31880123456", "+442079460000", "+12125550123", "+4915112345678"],
)
def test_ordinary_numbers_are_allowed(number: str) -> None:
    assert check_destination(number, WORLD) == number


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("+31900123456", "premium rate, Netherlands"),
        ("+19005550123", "premium rate, United States"),
        ("+448712345678", "premium rate, United Kingdom"),
        ("+448431234567", "shared cost, United Kingdom"),
        ("+491801234567", "shared cost, Germany"),
        ("+447640123456", "pager, United Kingdom"),
        ("+447012345678", "personal, United Kingdom"),
        ("+870773111632", "satellite, Inmarsat"),
        ("+881612345678", "satellite, GMSS"),
        ("+883510012345", "international network"),
        ("+979123456789", "international premium rate"),
        ("+31112", "emergency, Netherlands"),
        ("+1911", "emergency, United States"),
        ("+44999", "emergency, United Kingdom"),
        ("+112", "emergency, bare"),
        ("+911", "emergency, bare"),
        ("+49110", "emergency, Germany"),
        ("+31144", "short, Netherlands"),
        ("+33123456789012", None),
    ],
)
def test_forbidden_numbers_are_refused(number: str, kind: str | None) -> None:
    expected = InvalidRequestError if kind is None else DestinationNotAllowedError
    with pytest.raises(expected) as refusal:
        check_destination(number, WORLD)
    assert number not in str(refusal.value)


@pytest.mark.parametrize(
    "number", ["", "0612345678", "+", "sip:a@b", "+31 6 12345678", "+3161234567x", "+1234567890123456"]
)
def test_what_is_no_number_names_the_field(number: str) -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        check_destination(number, WORLD, field="destinations[0].number")
    assert refusal.value.details[0].startswith("destinations[0].number: ")


def test_country_outside_the_policy_is_refused() -> None:
    countries = allowed_countries(OutboundPolicy(allowed_countries=("DE",)), ["+31850835037"])
    assert countries == {"DE"}
    with pytest.raises(DestinationNotAllowedError):
        check_destination("+31612345678", countries)


def test_countries_of_its_own_numbers_are_the_default() -> None:
    countries = allowed_countries(OutboundPolicy(), ["+31850835037", "+12125550123"])
    assert countries == {"NL", "US"}
    assert check_destination("+31612345678", countries)
    with pytest.raises(DestinationNotAllowedError):
        check_destination("+14165550123", countries)  # Canada shares the country code, not the region
    with pytest.raises(DestinationNotAllowedError):
        check_destination("+31612345678", allowed_countries(OutboundPolicy(), []))


@pytest.mark.parametrize(
    "already",
    [DialledAlready(10, 0), DialledAlready(0, 30), DialledAlready(0, 0, 60), DialledAlready(99, 99, 99)],
)
def test_policy_limits_are_kept(already: DialledAlready) -> None:
    policy = OutboundPolicy(max_minutes_per_day=60)
    check_limits(policy, DialledAlready(9, 29, 59))
    with pytest.raises(OutboundLimitError) as refusal:
        check_limits(policy, already)
    assert refusal.value.retry_after


def test_minutes_without_a_bound_are_not_counted() -> None:
    check_limits(OutboundPolicy(), DialledAlready(0, 0, 10**9))


@pytest.fixture
def egress(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    def forget() -> None:
        read_environment.cache_clear()
        allowed_networks.cache_clear()

    monkeypatch.delenv("EGRESS_ALLOWED_CIDRS", raising=False)
    forget()
    yield monkeypatch
    forget()


def test_sip_target_is_checked_on_every_resolved_address(egress: pytest.MonkeyPatch) -> None:
    names = Names({"pbx.example.com": ["8.8.8.8", "8.8.4.4"]})
    target = check_sip_target("sip:desk@pbx.example.com:5070;transport=tcp", names=names)
    assert (target.host, target.port, target.transport) == ("pbx.example.com", 5070, "tcp")
    assert [str(server) for server in target.servers] == ["8.8.8.8:5070", "8.8.4.4:5070"]
    for addresses in ([], ["8.8.8.8", "10.0.0.1"], ["::1"], ["169.254.169.254"], ["::ffff:10.0.0.1"]):
        with pytest.raises(DestinationNotAllowedError):
            check_sip_target("sip:desk@pbx.example.com", names=Names({"pbx.example.com": addresses}))


SERVICES = {
    "_sip._udp.pbx.example": [("one.example", 5070), ("two.example", 5080)],
    "_sips._tcp.pbx.example": [("two.example", 5081)],
}
HOSTS = {"pbx.example": ["9.9.9.9"], "one.example": ["8.8.8.8"], "two.example": ["2001:4860:4860::8888"]}


@pytest.mark.parametrize(
    ("uri", "servers"),
    [
        ("sip:desk@pbx.example", ["8.8.8.8:5070", "[2001:4860:4860::8888]:5080"]),
        ("sip:desk@pbx.example;transport=tls", ["[2001:4860:4860::8888]:5081"]),
        ("sips:desk@pbx.example", ["[2001:4860:4860::8888]:5081"]),
        # no records for the transport: the name's own addresses at the usual port
        ("sip:desk@pbx.example;transport=tcp", ["9.9.9.9:5060"]),
        ("sips:desk@one.example", ["8.8.8.8:5061"]),
        # who names a port wants that one
        ("sip:desk@pbx.example:5090", ["9.9.9.9:5090"]),
    ],
)
def test_sip_target_without_a_port_is_found_by_its_services(
    egress: pytest.MonkeyPatch, uri: str, servers: list[str]
) -> None:
    found = check_sip_target(uri, names=Names(HOSTS, SERVICES)).servers
    assert [str(server) for server in found] == servers


def test_service_that_leads_to_a_private_host_is_refused(egress: pytest.MonkeyPatch) -> None:
    names = Names(HOSTS | {"two.example": ["192.168.0.1"]}, SERVICES)
    with pytest.raises(DestinationNotAllowedError, match="may not be called"):
        check_sip_target("sip:desk@pbx.example", names=names)


def test_carrier_that_has_services_only_is_found(egress: pytest.MonkeyPatch) -> None:
    hosts = {name: found for name, found in HOSTS.items() if name != "pbx.example"}
    assert check_sip_target("sip:desk@pbx.example", names=Names(hosts, SERVICES)).servers[0].address == "8.8.8.8"


def test_service_that_is_declined_is_not_called(egress: pytest.MonkeyPatch) -> None:
    with pytest.raises(DestinationNotAllowedError, match="does not resolve"):
        check_sip_target("sip:desk@pbx.example", names=Names(HOSTS, {"_sip._udp.pbx.example": [(".", 0)]}))


def test_services_are_ordered_by_priority_and_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["20 90 5060 c.example.", "10 1 5060 b.example.", "10 9 5070 a.example."]
    records = dns.rdataset.from_text("IN", "SRV", 60, *lines)
    monkeypatch.setattr(dns.resolver, "resolve", lambda name, kind, lifetime: records)
    found = SystemNames().services("_sip._udp.example")
    assert found == [("a.example", 5070), ("b.example", 5060), ("c.example", 5060)]


@pytest.mark.parametrize("failure", [dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.resolver.LifetimeTimeout])
def test_name_without_services_has_none(
    monkeypatch: pytest.MonkeyPatch, failure: type[dns.exception.DNSException]
) -> None:
    def resolve(name: str, kind: str, lifetime: float) -> Never:
        raise failure.__new__(failure)

    monkeypatch.setattr(dns.resolver, "resolve", resolve)
    assert SystemNames().services("_sip._udp.example") == []


def test_addresses_of_both_kinds_begin_with_that_which_everybody_reaches(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(0, 0, 0, "", (address, 0)) for address in ("2001:4860:4860::8888", "8.8.8.8", "8.8.4.4")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert SystemNames().addresses("dual.example") == ["8.8.4.4", "8.8.8.8", "2001:4860:4860::8888"]


def test_literal_private_sip_target_needs_the_deployments_permission(egress: pytest.MonkeyPatch) -> None:
    with pytest.raises(DestinationNotAllowedError):
        check_sip_target("sip:127.0.0.1:5080")
    egress.setenv("EGRESS_ALLOWED_CIDRS", "127.0.0.0/8,::1/128")
    read_environment.cache_clear()
    allowed_networks.cache_clear()
    assert check_sip_target("sip:127.0.0.1:5080").port == 5080
    assert str(check_sip_target("sip:desk@[::1]").servers[0]) == "[::1]:5060"


@pytest.mark.parametrize(
    "uri",
    [
        "sip:",
        "sip:a b@c",
        "http://example.com",
        "sip:a@b:0",
        "sip:a@b:70000",
        "sip:a@b;lr\r\nVia: x",
        "sip:a@b?Replaces=x",
    ],
)
def test_malformed_sip_target_is_invalid(uri: str) -> None:
    with pytest.raises(InvalidRequestError):
        check_sip_target(uri, names=Names({"b": ["8.8.8.8"]}))


def test_sip_uris_are_told_from_numbers() -> None:
    assert is_sip_uri("SIPS:a@b")
    assert not is_sip_uri("+31612345678")


@pytest.mark.parametrize(
    "uri",
    ["sip:+31900123456@carrier.example", "sip:%2B31-900.(123)%20456@c.example", "SIP:+31900123456;ext=2@c.example"],
)
def test_number_of_a_uri_is_read_however_it_is_written(uri: str) -> None:
    assert number_in_uri(uri) == "+31900123456"


@pytest.mark.parametrize(
    "user",
    [
        "0900123456",
        "0900-123.456",
        "%30900123456",
        "0900%20123%20456",
        "0031900123456",
        "31900123456",
        "9005551234",
        "0201234567;phone-context=%2B31",
        "0,0900123456",
        "*21*0900123456%23",
        "9+31900123456",
        "0900123456p1",
        "1234567",
    ],
)
def test_bare_number_in_a_uri_is_refused_whatever_country_it_may_be_of(user: str) -> None:
    for countries in ({"NL"}, {"US"}, set()):
        with pytest.raises(DestinationNotAllowedError, match="in E"):
            refuse_bare_number(f"sip:{user}@carrier.example", countries)


@pytest.mark.parametrize("user", ["112", "1%31%32", "911", "0112", "9911", "1850", "116123"])
def test_short_and_emergency_numbers_in_a_uri_are_refused(user: str) -> None:
    with pytest.raises(DestinationNotAllowedError, match="emergency"):
        refuse_bare_number(f"sip:{user}@carrier.example", {"NL"})


def test_emergency_numbers_of_the_countries_that_may_be_dialled_are_refused() -> None:
    refuse_bare_number("sip:110@pbx.example.com", {"NL"})
    with pytest.raises(DestinationNotAllowedError):
        refuse_bare_number("sip:110@pbx.example.com", {"DE"})


def test_digits_that_are_not_written_in_ascii_are_refused() -> None:
    with pytest.raises(DestinationNotAllowedError, match="ASCII"):
        refuse_bare_number("sip:%D9%A0%D9%A9%D9%A0%D9%A0@carrier.example", {"NL"})


@pytest.mark.parametrize("user", ["desk", "2001", "400", "0", "5551234x", "anna.b", "line1", "+31201234567"])
def test_desks_and_full_numbers_are_no_bare_numbers(user: str) -> None:
    for countries in ({"NL", "US"}, set()):
        refuse_bare_number(f"sip:{user}@pbx.example.com", countries)
    refuse_bare_number("sip:pbx.example.com", {"NL"})
