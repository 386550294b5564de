"""SIP URIs as transfer targets: only to addresses that the egress guard allows. Resolving blocks: use a thread."""

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from sovereign.kernel.egress import is_address_allowed
from sovereign.kernel.errors import DestinationNotAllowedError, InvalidRequestError

_URI = re.compile(
    r"(?P<scheme>sips?):(?:(?P<user>[A-Za-z0-9_.!~*'()%&=+$,;?/-]{1,128})@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}))(?::(?P<port>[0-9]{1,5}))?"
    r"(?:;transport=(?P<transport>udp|tcp|tls))?"
)
Resolver = Callable[[str], Sequence[str]]
"""Gives the addresses of a host name; empty when it has none."""


@dataclass(frozen=True)
class SipTarget:
    """A checked target. `addresses` are those the name had when it was checked: connect to one of them."""

    uri: str
    host: str
    port: int | None
    transport: Literal["udp", "tcp", "tls"] | None
    addresses: tuple[str, ...]


def is_sip_uri(destination: str) -> bool:
    """Whether a destination is meant as a SIP URI rather than a phone number."""
    return destination.lower().startswith(("sip:", "sips:"))


def check_sip_target(uri: str, *, resolve: Resolver | None = None, field: str = "destination") -> SipTarget:
    """Check a SIP URI on the addresses its host resolves to; every one of them must be allowed.

    Raises InvalidRequestError naming `field`, or DestinationNotAllowedError.
    """
    match = _URI.fullmatch(uri)
    port = int(match["port"]) if match and match["port"] else None
    if match is None or (port is not None and not 0 < port < 65536):
        raise InvalidRequestError(details=[f"{field}: must be a SIP URI such as sip:desk@pbx.example.com"])
    host = match["host"].strip("[]")
    addresses = tuple(_addresses(host, resolve or _resolve))
    if not addresses:
        raise DestinationNotAllowedError("The host of this SIP URI does not resolve.")
    if not all(is_address_allowed(address) for address in addresses):
        raise DestinationNotAllowedError("The host of this SIP URI has an address that may not be called.")
    transport: Literal["udp", "tcp", "tls"] | None = match["transport"]  # type: ignore[assignment]  # the pattern's words
    return SipTarget(uri, host, port, transport, addresses)


def _addresses(host: str, resolve: Resolver) -> Sequence[str]:
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        return resolve(host)


def _resolve(host: str) -> Sequence[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return sorted({str(entry[4][0]) for entry in found})
