"""The address forms of a trunk: where it is called, and from where it may call."""

import ipaddress
import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field

from sovereign.kernel.addresses import (
    is_address_allowed,
    is_loopback_name,
    is_obscured_address,
    literal_address,
)

WIDEST_PREFIX = {4: 22, 6: 48}
"""Shortest prefix of an accepted source: a carrier's own range, not a part of the internet."""

_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}))*\.?")
_HOST_PORT = re.compile(r"(?P<host>\[[^\]]+\]|[^:\[\]]+)(?::(?P<port>[0-9]{1,5}))?")
_LOOPBACK = "127.0.0.1"


def check_host_port(text: str) -> str:
    """`host` or `host:port`, an IPv6 address in brackets. Raises ValueError; refuses literal private addresses."""
    match = _HOST_PORT.fullmatch(text)
    if match is None or (match["port"] and not 0 < int(match["port"]) < 65536):
        raise ValueError("must be host or host:port (an IPv6 address in brackets)")
    check_host(match["host"])
    return text


def check_host(text: str) -> str:
    """A host name or a public address. Raises ValueError."""
    bracketed = text.startswith("[") and text.endswith("]")
    address = literal_address(text)
    if address is None and (not _HOST.fullmatch(text) or is_obscured_address(text)):
        raise ValueError("must be a host name or an IP address")
    if address is not None and (address.version == 6) != bracketed:
        raise ValueError("an IPv6 address, and only that, must be in brackets")
    private = (
        not is_address_allowed(address) if address else is_loopback_name(text) and not is_address_allowed(_LOOPBACK)
    )
    if private:
        raise ValueError("must not be a private or reserved address")
    return text


def check_source(text: str) -> str:
    """A CIDR (or one address) from which calls are accepted, in its canonical form. Raises ValueError."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise ValueError("must be an address range in CIDR form, e.g. 203.0.113.0/28") from None
    if network.prefixlen < WIDEST_PREFIX[network.version]:
        raise ValueError(f"must not be wider than /{WIDEST_PREFIX[network.version]}")
    if network.is_multicast or network.is_unspecified or (network.version == 6 and network.network_address.ipv4_mapped):
        raise ValueError("must be a range of unicast addresses (IPv4 in its own form)")
    return str(network)


def source_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address a request came from; an IPv4 address in IPv6 form as IPv4, None for what is no address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def enclosing(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Iterator[str]:
    """Every CIDR that could have been registered as a source and holds this address (11 for IPv4, 81 for IPv6)."""
    for prefix in range(WIDEST_PREFIX[address.version], address.max_prefixlen + 1):
        yield str(ipaddress.ip_network((address, prefix), strict=False))


HostPort = Annotated[str, Field(max_length=260), AfterValidator(check_host_port)]
Host = Annotated[str, Field(max_length=255), AfterValidator(check_host)]
Source = Annotated[str, Field(max_length=49), AfterValidator(check_source)]
