"""SIP URIs as transfer targets: only to addresses that the egress guard allows. Resolving blocks, five seconds at most:
use a thread."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from sovereign.destinations.sip_servers import NameService, SipServer, SystemNames, Transport, find_servers
from sovereign.kernel.addresses import is_address_allowed, literal_address
from sovereign.kernel.errors import DestinationNotAllowedError, InvalidRequestError
from sovereign.kernel.name_lookups import LOOK_UP_SECONDS, look_ups

_URI = re.compile(
    r"(?P<scheme>sips?):(?:(?P<user>[A-Za-z0-9_.!~*'()%&=+$,;?/-]{1,128})@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}))(?::(?P<port>[0-9]{1,5}))?"
    r"(?:;transport=(?P<transport>udp|tcp|tls))?"
)
_SYSTEM_NAMES = SystemNames()


@dataclass(frozen=True)
class SipTarget:
    """A checked target. `servers` is where it led when it was checked, the preferred first: send to one of them."""

    uri: str
    host: str
    port: int | None
    transport: Transport
    servers: tuple[SipServer, ...]


def is_sip_uri(destination: str) -> bool:
    """Whether a destination is meant as a SIP URI rather than a phone number."""
    return destination.lower().startswith(("sip:", "sips:"))


def check_sip_target(uri: str, *, names: NameService | None = None, field: str = "destination") -> SipTarget:
    """Check a SIP URI on every address a call to it may go to, by SRV records where it has no port; without a
    transport it is UDP's.

    Raises InvalidRequestError naming `field`, or DestinationNotAllowedError.
    """
    match = _URI.fullmatch(uri)
    port = int(match["port"]) if match and match["port"] else None
    if match is None or (port is not None and not 0 < port < 65536):
        raise InvalidRequestError(details=[f"{field}: must be a SIP URI such as sip:desk@pbx.example.com"])
    host = match["host"].strip("[]")
    transport: Transport = "tls" if match["scheme"].lower() == "sips" else match["transport"] or "udp"  # type: ignore[assignment]  # the pattern's words
    servers = tuple(_servers(host, port, transport, names or _SYSTEM_NAMES))
    if not servers:
        raise DestinationNotAllowedError("The host of this SIP URI does not resolve.")
    if not all(is_address_allowed(server.address) for server in servers):
        raise DestinationNotAllowedError("The host of this SIP URI has an address that may not be called.")
    return SipTarget(uri, host, port, transport, servers)


def _servers(host: str, port: int | None, transport: Transport, names: NameService) -> Sequence[SipServer]:
    find = partial(find_servers, host, port, transport, names)
    if literal_address(host) is not None:
        return find()
    try:
        return look_ups().wait_for(host, find, LOOK_UP_SECONDS)
    except OSError:  # in time it leads nowhere
        return []
