"""A name service that knows what it was told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Names:
    """Addresses by host, and host and port by service."""

    hosts: Mapping[str, Sequence[str]]
    srv: Mapping[str, Sequence[tuple[str, int]]] = field(default_factory=dict)

    def addresses(self, host: str) -> Sequence[str]:
        return self.hosts.get(host, [])

    def services(self, name: str) -> Sequence[tuple[str, int]]:
        return self.srv.get(name, [])
