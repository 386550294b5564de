"""Which IP addresses the platform may open a connection to: public unicast ones, and those a deployment allows."""

import re
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from sovereign.kernel.settings import Environment, read_environment

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# `is_global` differs between Python releases and calls some translated forms global, so the registries are named:
# IANA IPv4/IPv6 Special-Purpose Address Registries, and RFC 5735 for the retired ranges.
_REFUSED_V4 = [
    ip_network(cidr)
    for cidr in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    )
]
_GLOBAL_UNICAST_V6 = ip_network("2000::/3")
# Teredo, benchmarking and ORCHID; documentation; 6to4; direct delegation AS112; documentation
_REFUSED_V6 = [
    ip_network(cidr) for cidr in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
]
_NUMERIC_HOST = re.compile(r"(?:0[xX][0-9a-fA-F]*|\d+)(?:\.(?:0[xX][0-9a-fA-F]*|\d+))*\.?")


class EgressEnvironment(Environment):
    """EGRESS_ALLOWED_CIDRS: addresses allowed beside the public ones, comma separated; empty on AWS."""

    egress_allowed_cidrs: str = ""


@cache
def allowed_networks() -> tuple[Network, ...]:
    """The deployment's own exceptions. Raises ValueError when one is not a network."""
    listed = read_environment(EgressEnvironment).egress_allowed_cidrs.split(",")
    return tuple(ip_network(cidr.strip()) for cidr in listed if cidr.strip())


def is_address_allowed(address: str | Address) -> bool:
    """Whether a connection may go to this address. Forms that carry another address inside (IPv4-mapped, NAT64, 6to4,
    Teredo) are refused, as is text that is no address."""
    if isinstance(address, str):
        try:
            address = ip_address(address)
        except ValueError:
            return False
    if any(address in network for network in allowed_networks()):
        return True
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    if address.scope_id is not None or address not in _GLOBAL_UNICAST_V6:
        return False
    return not any(address in network for network in _REFUSED_V6)


def literal_address(host: str) -> Address | None:
    """The address a URL's host spells out in its usual form, None when it is a name."""
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


def is_obscured_address(host: str) -> bool:
    """Whether a host is an IPv4 address in a form only old resolvers read (`0x7f.1`, `2130706433`)."""
    return _NUMERIC_HOST.fullmatch(host) is not None and literal_address(host) is None


def is_loopback_name(host: str) -> bool:
    """Whether a name means this machine whatever a resolver says (RFC 6761)."""
    name = host.rstrip(".").lower()
    return name == "localhost" or name.endswith(".localhost")
