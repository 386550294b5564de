"""Whether the ports the platform wants are free."""

import socket
from dataclasses import dataclass

from infra.embedded.progress import SetupError
from infra.embedded.settings import LOOPBACK, EmbeddedSettings


@dataclass(frozen=True)
class WantedPort:
    """A port, what listens there and the variable that moves it."""

    number: int
    purpose: str
    variable: str
    udp: bool = False


def wanted_ports(settings: EmbeddedSettings) -> list[WantedPort]:
    """Every fixed port of a platform."""
    return [
        WantedPort(settings.sovereign_emulator_port, "the AWS emulator", "SOVEREIGN_EMULATOR_PORT"),
        WantedPort(settings.sovereign_api_port, "the API", "SOVEREIGN_API_PORT"),
        WantedPort(settings.sovereign_sink_port, "the webhook sink", "SOVEREIGN_SINK_PORT"),
        WantedPort(settings.sovereign_control_port, "call control", "SOVEREIGN_CONTROL_PORT"),
        WantedPort(settings.sovereign_sip_port, "SIP over TCP", "SOVEREIGN_SIP_PORT"),
        WantedPort(settings.sovereign_sip_port, "SIP over UDP", "SOVEREIGN_SIP_PORT", udp=True),
        WantedPort(settings.sovereign_sip_port + 1, "the SIP stack's second port", "SOVEREIGN_SIP_PORT"),
    ]


def require_free(settings: EmbeddedSettings) -> None:
    """Raise SetupError naming the first port that something else holds."""
    for port in wanted_ports(settings):
        if not _is_free(port):
            raise SetupError(
                f"port {port.number} ({port.purpose}) is in use: stop what holds it, or set {port.variable} to another"
            )


def _is_free(port: WantedPort) -> bool:
    kind = socket.SOCK_DGRAM if port.udp else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as probe:
        if not port.udp:
            # as servers do: a connection of the last run that is still closing is no reason to refuse
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port.number))
        except OSError:
            return False
    return True
