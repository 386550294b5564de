"""The SIP endpoint of a media process: listens, dials, hands out legs. One per process, as the stack demands."""

import asyncio
import ipaddress
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import certifi
from aws_lambda_powertools import Logger
from baresip.call import Call
from baresip.config import Config
from baresip.errors import BaresipError

from media.telephony.addresses import EXPOSED_HEADERS, TrunkRoute, dial_uri
from media.telephony.baresip_leg import BaresipLeg
from media.telephony.quick_audio import QuickAudio
from media.telephony.stack_log import forward_stack_log
from media.telephony.tidy_runtime import TidyRuntime
from media.telephony.transfer_route import SecondLeg
from media.telephony.user_agents import MAX_USER_AGENTS, UserAgents

__all__ = ["EndpointConfig", "EndpointError", "Invite", "SipEndpoint"]

RTP_TIMEOUT_SECONDS = 30

logger = Logger(child=True)


class EndpointError(Exception):
    """The endpoint cannot start; one line that says what to do."""


@dataclass(frozen=True, kw_only=True)
class EndpointConfig:
    """Where to listen and how to treat media. `rtp_ports` is the first and last UDP port for RTP and RTCP.

    `jitter_ms` is the adaptive jitter buffer's range in milliseconds, None for no buffer (right on loopback only).
    `ca_file` holds the authorities that vouch for carriers called over TLS, None for the public ones; `dns_server` is
    asked in place of the machine's.
    """

    host: str
    port: int
    rtp_ports: tuple[int, int]
    jitter_ms: tuple[int, int] | None = (20, 200)
    rtp_timeout_seconds: int = RTP_TIMEOUT_SECONDS
    max_user_agents: int = MAX_USER_AGENTS
    ca_file: Path | None = None
    encrypts_calls_in: bool = False
    dns_server: str | None = None

    def stack_text(self, ca_file: Path) -> str:
        """The lines of the stack's own configuration that its typed form has no field for. No path may hold a space."""
        first, last = self.rtp_ports
        address = f"[{self.host}]" if ":" in self.host else self.host
        lines = [f"sip_listen {address}:{self.port}", f"rtp_ports {first}-{last}", "sip_transports udp,tcp,tls"]
        # without these the stack takes any certificate
        lines += [f"sip_cafile {ca_file}", "sip_verify_server yes"]
        if self.dns_server:
            lines.append(f"dns_server {self.dns_server}")
        if self.jitter_ms is None:
            lines.append("audio_jitter_buffer_type off")
        else:
            low, high = self.jitter_ms
            lines += ["audio_jitter_buffer_type adaptive", f"audio_jitter_buffer_ms {low}-{high}"]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Invite:
    """A call that has arrived: the stack has said 180, nobody has answered. Headers are untrusted."""

    leg: BaresipLeg
    headers: Mapping[str, str] = field(repr=False)


class SipEndpoint:
    """Owns the SIP stack of this process; `on_dead` is called when that dies, which no restart in here can repair."""

    def __init__(self, config: EndpointConfig, on_dead: Callable[[], None] = lambda: None) -> None:
        self._config = config
        self._on_invite: Callable[[Invite], None] | None = None
        self._on_dead = on_dead
        self._runtime = TidyRuntime()
        self._agents = UserAgents(self._runtime, self._on_incoming, limit=config.max_user_agents)
        self._legs: set[BaresipLeg] = set()

    @property
    def full(self) -> bool:
        """Whether the user agents of this process are used up, so that it should take no more calls."""
        return self._agents.full

    @property
    def outdated(self) -> bool:
        """Whether some number's user agent is, so that the process should be replaced when it has no calls."""
        return self._agents.outdated

    async def start(self, on_invite: Callable[[Invite], None]) -> None:
        """Listen on UDP and TCP; TLS is for calls out only, its port (the next) has no certificate and takes none in.

        `on_invite` is called on the event loop and must neither block nor raise.

        Raises EndpointError, e.g. for a port in use.
        """
        self._on_invite = on_invite
        host, port = self._config.host, self._config.port
        _require_free(host, port)
        forward_stack_log()
        self._runtime.on_dead = self._die
        try:
            with _without_spaces(self._config.ca_file or Path(certifi.where())) as ca_file:
                await self._runtime.start(self._stack_config(ca_file))
            for transport in ("udp", "tcp"):
                await self._agents.listen(host, transport, encrypted=self._config.encrypts_calls_in)
        except OSError as failed:
            raise EndpointError(f"SIP_CA_FILE: cannot be read ({failed.strerror})") from None
        except BaresipError as failed:
            raise EndpointError(f"the SIP stack does not start on {host}:{port}: {failed}") from None
        logger.info("sip_listening", port=port)

    async def dial(
        self, trunk: TrunkRoute, number: str, caller: str, headers: Mapping[str, str] | None = None
    ) -> BaresipLeg:
        """Ring `number` (E.164, or a SIP URI) through a trunk, showing `caller`; the leg tells what comes of it.

        Raises DialRefusedError (TooManyIdentitiesError) when no INVITE could be sent.
        """
        call, early = await self._agents.dial(trunk, caller, dial_uri(trunk, number), headers)
        leg = self._adopt(call, outbound=True, encrypted_only=trunk.srtp == "required")
        for event in early:
            # the library's own listener: it keeps the call's state and passes the event on to the leg
            call._on_stack_event(event)
        return leg

    async def dial_second_leg(self, second: SecondLeg) -> BaresipLeg:
        """Ring whom a caller is to be bridged to. Raises DialRefusedError."""
        return await self.dial(second.trunk, second.target, second.caller, second.headers)

    async def close(self) -> None:
        """Stop the stack; legs still up are closed first."""
        await asyncio.gather(*(leg.hang_up() for leg in list(self._legs)))
        try:
            await self._runtime.close()
        except BaresipError:
            logger.exception("sip_stack_not_closed")

    def _stack_config(self, ca_file: Path) -> Config:
        host = self._config.host
        return Config(
            net_interface=None if ipaddress.ip_address(host).is_unspecified else host,
            max_concurrent_calls=None,
            expose_headers=EXPOSED_HEADERS,
            rtp_timeout=self._config.rtp_timeout_seconds,
            extra_config_text=self._config.stack_text(ca_file),
        )

    def _on_incoming(self, call: Call) -> None:
        if self._on_invite:
            self._on_invite(Invite(self._adopt(call, outbound=False), dict(call.headers)))

    def _adopt(self, call: Call, *, outbound: bool, encrypted_only: bool = False) -> BaresipLeg:
        runtime = self._runtime
        leg = BaresipLeg(
            call,
            QuickAudio(call.audio),
            outbound=outbound,
            on_closed=self._legs.discard,
            happened_at=lambda: float(runtime.happened_at),
            encrypted_only=encrypted_only,
        )
        self._legs.add(leg)
        return leg

    def _die(self) -> None:
        logger.critical("sip_stack_died", calls=len(self._legs))
        for leg in list(self._legs):
            leg.fail("the SIP stack died")
        self._on_dead()


@contextmanager
def _without_spaces(file: Path) -> Iterator[Path]:
    """A copy whose path the stack's configuration can hold; it reads the file when it starts, and never again."""
    with tempfile.TemporaryDirectory(prefix="sovereign-sip-") as folder:
        yield Path(shutil.copy(file, Path(folder) / "ca.pem"))


def _require_free(host: str, first_port: int) -> None:
    """Refuse a port another program listens on: the stack itself would only log it and then hear nothing."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    wanted = (
        (socket.SOCK_DGRAM, "UDP", first_port),
        (socket.SOCK_STREAM, "TCP", first_port),
        (socket.SOCK_STREAM, "TCP", first_port + 1),
    )
    for kind, name, port in wanted:
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM:
                # a connection of an earlier run in TIME_WAIT does not stand in the way of listening
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as failed:
                raise EndpointError(
                    f"SIP_LISTEN: {name} port {port} on {host} is not available ({failed.strerror}); "
                    "stop what uses it or choose another port"
                ) from None
