"""Who is called and who calls, from SIP header values; and the URIs and accounts we dial with. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sovereign.destinations import is_sip_uri
from sovereign.numbers.called import called_number as first_number

__all__ = [
    "EXPOSED_HEADERS",
    "HOPS_HEADER",
    "MOST_HOPS",
    "TrunkRoute",
    "called_number",
    "caller_number",
    "dial_uri",
    "hops_of",
    "source_address",
]

SOURCE_HEADER = "X-Verified-Source"
REQUEST_URI_HEADER = "X-Request-Uri"
HOPS_HEADER = "X-Sovereign-Hops"
"""How many transfers of this platform lie behind a call; transfers in a circle end by it."""
MOST_HOPS = 3
"""A call that comes with so many is refused."""
_CALLED_HEADERS = ("To", "Diversion", "P-Called-Party-ID")
_CALLER_HEADERS = ("P-Asserted-Identity", "From")
EXPOSED_HEADERS = (REQUEST_URI_HEADER, SOURCE_HEADER, HOPS_HEADER, *_CALLED_HEADERS, *_CALLER_HEADERS)
"""Headers the SIP stack must hand over; it knows neither the request URI nor the source address itself.

The two `X-` headers are believed only when an edge is in front, which strips and rewrites them.
"""

_SOURCE = re.compile(r"(?:(?:udp|tcp|tls):)?(?P<address>\[[0-9a-fA-F:.]+\]|[0-9.]+|[0-9a-fA-F:]+?)(?::[0-9]{1,5})?")

Transport = Literal["udp", "tcp", "tls"]
Encryption = Literal["off", "optional", "required"]


@dataclass(frozen=True, kw_only=True)
class TrunkRoute:
    """How one trunk is dialled through: `address` is host[:port], the password is in the clear and never printed."""

    trunk_id: str
    address: str
    transport: Transport = "udp"
    auth_username: str | None = None
    auth_password: str | None = None
    outbound_proxy: str | None = None
    from_domain: str | None = None
    srtp: Encryption = "off"

    def __repr__(self) -> str:
        return f"TrunkRoute(trunk_id={self.trunk_id!r}, transport={self.transport!r})"


def called_number(headers: Mapping[str, str], *, behind_edge: bool) -> str | None:
    """The number dialled (E.164): the request URI as the edge tells it, else To, else Diversion or P-Called-Party-ID.

    None when none of them holds a phone number.
    """
    names = (REQUEST_URI_HEADER, *_CALLED_HEADERS) if behind_edge else _CALLED_HEADERS
    return first_number(*(headers.get(name) for name in names))


def caller_number(headers: Mapping[str, str]) -> str | None:
    """The caller's number (E.164): P-Asserted-Identity, else From; None when it is withheld or no number."""
    return first_number(*(headers.get(name) for name in _CALLER_HEADERS))


def source_address(headers: Mapping[str, str], *, behind_edge: bool) -> str | None:
    """The address a call came from: what the edge verified, without an edge the loopback we are bound to."""
    if not behind_edge:
        return "127.0.0.1"
    found = _SOURCE.fullmatch(headers.get(SOURCE_HEADER, "").strip())
    return found["address"].strip("[]") if found else None


def hops_of(headers: Mapping[str, str]) -> int:
    """The hop count of an INVITE; a value that is none counts as too many, for nobody sends it by accident."""
    value = headers.get(HOPS_HEADER, "0").strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 4 else MOST_HOPS


def dial_uri(trunk: TrunkRoute, number: str) -> str:
    """The request URI for a number on a trunk, e.g. `sip:+31201234567@sip.example.com:5060;transport=tcp`; a URI is one
    already."""
    if is_sip_uri(number):
        return number
    return f"sip:{number}@{trunk.address};transport={trunk.transport}"
