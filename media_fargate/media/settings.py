"""The environment of a media process, typed and checked."""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from sovereign.catalog.fallbacks import Fallbacks, parse_fallbacks
from sovereign.kernel.settings import ConfigurationError, Environment

__all__ = ["HostPort", "MediaEnvironment", "PortRange"]

SIP_PORT_STEP = 2
"""The SIP stack takes the port after its own for TLS."""
PORTS_PER_CALL = 4
"""RTP and RTCP for audio, and a second pair the stack reserves while video could still be negotiated."""


class HostPort(NamedTuple):
    """An address to listen on or to be reached at."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_wildcard(self) -> bool:
        """Whether it stands for every address of the machine: good to listen on, not to be reached at."""
        try:
            return ipaddress.ip_address(self.host).is_unspecified
        except ValueError:
            return False


class PortRange(NamedTuple):
    """First and last UDP port for RTP and RTCP, both included."""

    first: int
    last: int


def _split_address(text: object) -> HostPort:
    if isinstance(text, HostPort):
        return text
    host, _, port = str(text).rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        raise ValueError("must be host:port, e.g. 127.0.0.1:5060")
    return HostPort(host, int(port))


def _split_range(text: object) -> PortRange:
    if isinstance(text, PortRange):
        return text
    first, _, last = str(text).partition("-")
    if not (first.isascii() and first.isdigit() and last.isascii() and last.isdigit()):
        raise ValueError("must be FIRST-LAST, e.g. 20000-20999")
    if not 1024 <= int(first) < int(last) < 65_536:
        raise ValueError("must lie within 1024-65535, the first before the last")
    return PortRange(int(first), int(last))


def _split_jitter(text: object) -> tuple[int, int] | None:
    if text == "off":
        return None
    low, _, high = str(text).partition("-")
    if not (low.isdigit() and high.isdigit() and 0 < int(low) <= int(high) <= 1000):
        raise ValueError("must be `off` or LOWEST-HIGHEST milliseconds, e.g. 20-200")
    return int(low), int(high)


def _parse_fallbacks(text: object) -> Fallbacks:
    return text if isinstance(text, Fallbacks) else parse_fallbacks(str(text))


def _ip_literal(address: HostPort) -> HostPort:
    ipaddress.ip_address(address.host)
    return address


def _reachable(address: HostPort) -> HostPort:
    if address.is_wildcard:
        raise ValueError("must be an address others reach this machine at, not every address")
    return address


def _reachable_host(host: str) -> str:
    _reachable(HostPort(host, 0))
    return host


Address = Annotated[HostPort, BeforeValidator(_split_address)]
ListenAddress = Annotated[Address, AfterValidator(_ip_literal)]
ReachableAddress = Annotated[Address, AfterValidator(_reachable)]


class MediaEnvironment(Environment):
    """What a media process is told. With MEDIA_PROCESSES over one, each process takes its share: see `share`."""

    stage: str
    table_name: str
    kms_key_id: str
    secret_prefix: str
    control_secret_id: str
    model_cache: Path
    sip_listen: ListenAddress = HostPort("127.0.0.1", 5060)
    rtp_ports: Annotated[PortRange, BeforeValidator(_split_range)] = PortRange(20_000, 20_999)
    sip_jitter_buffer: Annotated[tuple[int, int] | None, BeforeValidator(_split_jitter)] = (20, 200)
    sip_srtp_in: Literal["off", "offered"] = "off"
    """Whether calls in are encrypted where the caller offers it. The SIP stack then names a key in its answers to plain
    offers too, which those who know none have to ignore."""
    sip_ca_file: Path | None = None
    """The authorities (PEM) that vouch for carriers called over TLS, where those are not the public ones."""
    control_listen: ListenAddress = HostPort("127.0.0.1", 8443)
    control_address: ReachableAddress | None = None
    advertised_address: Annotated[str, AfterValidator(_reachable_host)] | None = None
    """Host under which an edge reaches SIP here, where that is not SIP_LISTEN's."""
    sip_source_mode: Literal["loopback", "edge"] = "loopback"
    max_calls: Annotated[int, Field(ge=1, le=200)] = 40
    media_processes: Annotated[int, Field(ge=1, le=64)] = 1
    drain_seconds: Annotated[float, Field(ge=0, le=14_400)] = 90.0
    """Fargate kills a task 120 s after SIGTERM at the latest; apologies and the last writes need the rest."""
    ring_timeout_seconds: Annotated[float, Field(ge=5, le=120)] = 30.0
    otel_exporter_otlp_endpoint: str | None = None
    """Base URL of an OpenTelemetry collector that takes calls' spans over HTTP."""
    provider_fallbacks: Annotated[Fallbacks, BeforeValidator(_parse_fallbacks)] = Fallbacks()
    ecs_container_metadata_uri_v4: str | None = None
    ecs_agent_uri: str | None = None
    recordings_bucket: str | None = None
    """Where recordings go; without it nothing is recorded."""

    @field_validator("sip_source_mode")
    @classmethod
    def _loopback_only_on_loopback(cls, mode: str, info: ValidationInfo) -> str:
        listen = info.data.get("sip_listen")
        if mode == "loopback" and listen and not ipaddress.ip_address(listen.host).is_loopback:
            raise ValueError("`loopback` trusts every caller, so SIP_LISTEN must be a loopback address; use `edge`")
        return mode

    @property
    def needs_own_address(self) -> bool:
        """Whether something is every address that others must be told: see `located`."""
        return self.sip_listen.is_wildcard or (self.control_address is None and self.control_listen.is_wildcard)

    def located(self, own_address: str) -> "MediaEnvironment":
        """The environment of a machine with this IP address, which is put where others must be told one.

        SIP listens on nothing else: on every address the stack takes no call. Control does, for the container's own
        health check.
        """
        sip_listen, control_address = self.sip_listen, self.control_address
        if sip_listen.is_wildcard:
            sip_listen = HostPort(own_address, sip_listen.port)
        if control_address is None and self.control_listen.is_wildcard:
            control_address = HostPort(own_address, self.control_listen.port)
        return self.model_copy(update={"sip_listen": sip_listen, "control_address": control_address})

    def share(self, index: int) -> "MediaEnvironment":
        """The environment of process `index` (from 0): its own ports out of what is configured for all."""
        size = (self.rtp_ports.last - self.rtp_ports.first + 1) // self.media_processes
        if size < PORTS_PER_CALL * self.max_calls:
            needed = PORTS_PER_CALL * self.max_calls * self.media_processes
            raise ConfigurationError(
                f"RTP_PORTS: {self.max_calls} calls in {self.media_processes} process(es) need {needed} ports"
            )
        first = self.rtp_ports.first + index * size
        address = self.control_address or self.control_listen
        _require_own(self.sip_listen, "SIP_LISTEN: must be one address of this machine")
        _require_own(address, "CONTROL_ADDRESS: is needed, because CONTROL_LISTEN is every address")
        return self.model_copy(
            update={
                "sip_listen": _moved(self.sip_listen, SIP_PORT_STEP * index),
                "control_listen": _moved(self.control_listen, index),
                "control_address": _moved(address, index),
                "rtp_ports": PortRange(first, first + size - 1),
            }
        )

    @property
    def sip_address(self) -> str:
        """`host:port` under which an edge reaches this process."""
        return str(HostPort(self.advertised_address or self.sip_listen.host, self.sip_listen.port))


def _require_own(address: HostPort, problem: str) -> None:
    if address.is_wildcard:
        raise ConfigurationError(f"{problem} (on ECS the task's own is found out)")


def _moved(address: HostPort, by: int) -> HostPort:
    return HostPort(address.host, address.port + by)
