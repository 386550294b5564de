"""Where a SIP host name leads: its SRV records, else its addresses (RFC 3263).

Resolving blocks for as long as the name's servers like: `sip_uris` has it done by `sovereign.kernel.name_lookups`.
"""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Literal, NamedTuple, Protocol

from sovereign.kernel.addresses import literal_address
from sovereign.kernel.name_lookups import addresses_of

__all__ = ["NameService", "SipServer", "SystemNames", "find_servers"]

_SRV_SECONDS = 3.0
_SIP_PORT, _SIPS_PORT = 5060, 5061
_SERVICES = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}

Transport = Literal["udp", "tcp", "tls"]


class SipServer(NamedTuple):
    """An address and port that may be sent to."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class NameService(Protocol):
    """What DNS is asked."""

    def addresses(self, host: str) -> Sequence[str]:
        """The addresses of a host name; none when it has none."""

    def services(self, name: str) -> Sequence[tuple[str, int]]:
        """Host and port of each SRV record of `_service._protocol.name`, the preferred first; none without records."""


class SystemNames:
    """The resolver of this machine."""

    def addresses(self, host: str) -> Sequence[str]:
        """Sorted, IPv4 first: who has both is reached over it from everywhere."""
        try:
            found = addresses_of(host)
        except OSError:
            return []
        return sorted(found, key=lambda text: (":" in text, text))

    def services(self, name: str) -> Sequence[tuple[str, int]]:
        """By priority; of equals the heaviest and not one by chance, for each server takes a user agent a number."""
        import dns.exception  # noqa: PLC0415 - takes 0.2 s, which functions that only list calls should not pay
        import dns.resolver  # noqa: PLC0415

        try:
            answer = dns.resolver.resolve(name, "SRV", lifetime=_SRV_SECONDS)
        except dns.exception.DNSException:  # also for a resolver without an answer: its addresses may be known still
            return []
        records = sorted(answer, key=lambda record: (record.priority, -record.weight, record.target, record.port))
        return [(record.target.to_text(omit_final_dot=True), record.port) for record in records]


def find_servers(host: str, port: int | None, transport: Transport, names: NameService) -> list[SipServer]:
    """Every server a request to the host may go to, the preferred first; none when it leads nowhere."""
    usual = port or (_SIPS_PORT if transport == "tls" else _SIP_PORT)
    literal = literal_address(host)
    if literal is not None:
        return [SipServer(str(literal), usual)]
    found = [] if port else names.services(f"{_SERVICES[transport]}.{host}")
    places = [(target, its_port) for target, its_port in found] or [(host, usual)]
    return [SipServer(address, its_port) for target, its_port in places for address in _addresses(target, names)]


def _addresses(target: str, names: NameService) -> Sequence[str]:
    # a single record that names the root says that the service is not offered (RFC 2782)
    return [str(ip_address(address)) for address in names.addresses(target)] if target.strip(".") else []
