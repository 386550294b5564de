"""Which addresses may be connected to."""

import ipaddress
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign.kernel import addresses, settings
from sovereign.kernel.addresses import is_address_allowed, is_obscured_address


@pytest.fixture(autouse=True)
def on_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("EGRESS_ALLOWED_CIDRS", "")
    _forget()
    yield
    _forget()


def _forget() -> None:
    settings.read_environment.cache_clear()
    addresses.allowed_networks.cache_clear()


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2001:4860:4860::8888", "2606:4700::1111"])
def test_public_address_is_allowed(address: str) -> None:
    assert is_address_allowed(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.255.255", "0.0.0.0", "10.0.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1"),
        *("169.254.169.254", "192.0.0.1", "192.88.99.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "255.255.255.255"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fd00:ec2::254", "fc00::1", "ff02::1"),
        *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::8.8.8.8", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "2002:7f00:1::"),
        *("2002:808:808::", "2001::1", "2001:db8::1", "100::1", "5f00::1", "not-an-address", "", "8.8.8.8/32"),
    ],
)
def test_other_address_is_refused(address: str) -> None:
    assert not is_address_allowed(address)


@given(st.ip_addresses())
def test_no_address_python_calls_private_is_allowed(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if is_address_allowed(address):
        assert address.is_global
        assert not address.is_multicast


@given(st.ip_addresses(v=4))
def test_no_ipv6_form_of_an_ipv4_address_is_allowed(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for prefix, shift in ((0xFFFF << 32, 0), (0, 0), (0x64FF9B << 96, 0), (0x2002 << 112, 80)):
        assert not is_address_allowed(ipaddress.IPv6Address(prefix | number << shift))


def test_deployment_allows_its_own_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EGRESS_ALLOWED_CIDRS", "127.0.0.0/8, ::1/128")
    _forget()
    assert is_address_allowed("127.0.0.1")
    assert is_address_allowed("::1")
    assert not is_address_allowed("10.0.0.1")


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "0x7f000001", "127.1", "010.0.0.1", "0"])
def test_numeric_host_that_is_no_plain_address_is_obscured(host: str) -> None:
    assert is_obscured_address(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "example.com", "1and1.com", "a.0x7f"])
def test_plain_address_or_name_is_not_obscured(host: str) -> None:
    assert not is_obscured_address(host)
