"""Typed settings of a stage: what may differ between development, production and the embedded runtime."""

import json
import platform
import sys
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from sovereign.catalog.fallbacks import parse_fallbacks

Architecture = Literal["arm64", "x86_64"]

ADDRESSED_PROVIDERS = (
    "openai", "deepgram", "elevenlabs", "xai", "mistral", "google", "inworld", "gladia", "resend",
)  # fmt: skip
"""Providers whose address a deployment may replace: each is read from the variable `<PROVIDER>_BASE_URL`."""


class UnknownStageError(ValueError):
    """The stage asked for is not one of `STAGES`."""


@dataclass(frozen=True)
class LambdaTarget:
    """The interpreter and processor the functions run on.

    `native` builds the dependencies layer for the machine it is built on, whatever its operating system.
    """

    python: str = "3.13"
    architecture: Architecture = "arm64"
    native: bool = False
    snap_start: bool = True

    @classmethod
    def of_this_machine(cls) -> "LambdaTarget":
        """The running interpreter: what the emulator's workers run, whatever runtime a function names."""
        machine = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
        return cls(
            python=f"{sys.version_info.major}.{sys.version_info.minor}",
            architecture="arm64" if machine == "arm64" else "x86_64",
            native=True,
            snap_start=False,
        )


@dataclass(frozen=True)
class MediaSettings:
    """The Fargate task of a media node: `cpu` in CPU units (1024 a core), `memory_mb` in MiB, one process a core."""

    cpu: int = 2048
    memory_mb: int = 4096
    desired_count: int = 2
    max_calls_per_process: int = 40
    rtp_ports: tuple[int, int] = (20000, 24999)
    drain_seconds: int = 120
    """How long a stopping task may finish its calls: Fargate's own limit for `stopTimeout`."""

    @property
    def processes(self) -> int:
        """One media process a core."""
        return max(1, self.cpu // 1024)


@dataclass(frozen=True)
class Stage:
    """One deployment. `log_days` must be a retention CloudWatch offers; CIDRs widen where requests may go."""

    name: str
    account: str | None = None
    region: str | None = None
    default_providers: Literal["local", "cloud"] = "cloud"
    egress_allowed_cidrs: tuple[str, ...] = ()
    log_days: int = 30
    log_level: str = "INFO"
    deletion_protection: bool = True
    target: LambdaTarget = field(default_factory=LambdaTarget)
    media: MediaSettings = field(default_factory=MediaSettings)
    media_image: str | None = None
    """An image already in a registry; None builds `media_fargate/Dockerfile` on the deploying machine."""
    trace_collector_image: str | None = None
    """The AWS distribution of the OpenTelemetry collector, run beside the media container; None: no spans."""
    alarm_email: str | None = None
    api_url: str | None = None
    """Where clients reach the API, base path included (a domain of your own); None is the API's own address."""
    trace_endpoint: str | None = None
    """An OpenTelemetry collector elsewhere that takes calls' spans over HTTP, instead of one beside the container."""
    provider_addresses: str | None = None
    """JSON of the addresses that replace vendors' own, by provider name (`ADDRESSED_PROVIDERS`)."""
    provider_fallbacks: str | None = None
    """JSON of the providers calls fall back on (`sovereign.catalog.fallbacks`)."""
    srtp_in: str = "off"
    """Whether calls in are encrypted where the caller offers it (`offered`): see docs/decisions/021."""

    def __post_init__(self) -> None:
        """Refuse what could not work once it is deployed. Raises ValueError."""
        if self.provider_fallbacks:
            parse_fallbacks(self.provider_fallbacks)
        if self.srtp_in not in {"off", "offered"}:
            raise ValueError("srtpIn: must be `off` or `offered`")
        if self.trace_collector_image and self.trace_endpoint:
            raise ValueError("traceEndpoint: a task has one collector, and traceCollectorImage brings one")
        if self.trace_endpoint:
            _check_address("traceEndpoint", self.trace_endpoint)
        _ = self.address_variables

    @property
    def address_variables(self) -> dict[str, str]:
        """`<PROVIDER>_BASE_URL` for each address that replaces a vendor's own. Raises ValueError."""
        given = _json_object("providerAddresses", self.provider_addresses or "{}")
        for provider, address in given.items():
            if provider not in ADDRESSED_PROVIDERS:
                raise ValueError(f"providerAddresses.{provider}: is not one of {', '.join(ADDRESSED_PROVIDERS)}")
            _check_address(f"providerAddresses.{provider}", address)
        return {f"{provider.upper()}_BASE_URL": address for provider, address in given.items()}

    @property
    def prefix(self) -> str:
        """Begins the names of secrets, functions and log groups."""
        return f"sovereign/{self.name}"

    @property
    def api_url_parameter(self) -> str:
        """The name of the parameter that holds the API's public address, base path included."""
        return f"/{self.prefix}/api-url"


def _json_object(context: str, text: str) -> dict[str, str]:
    try:
        given = json.loads(text)
    except ValueError:
        given = None
    if isinstance(given, dict):
        return given
    raise ValueError(f"{context}: must be a JSON object")


def _check_address(context: str, address: object) -> None:
    parts = urlsplit(address) if isinstance(address, str) else None
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{context}: must be an http or https address")


EMBEDDED_ACCOUNT = "000000000000"
EMBEDDED_REGION = "us-east-1"


def _embedded() -> Stage:
    return Stage(
        name="embedded",
        account=EMBEDDED_ACCOUNT,
        region=EMBEDDED_REGION,
        default_providers="local",
        egress_allowed_cidrs=("127.0.0.0/8", "::1/128"),
        log_days=7,
        deletion_protection=False,
        target=LambdaTarget.of_this_machine(),
        media_image="sovereign-media:local",
    )


STAGES = {
    "dev": lambda: Stage(name="dev", deletion_protection=False),
    "prod": lambda: Stage(name="prod", log_days=90),
    "embedded": _embedded,
}


def stage_named(name: str) -> Stage:
    """The settings of a stage. Raises UnknownStageError naming the ones there are."""
    try:
        return STAGES[name]()
    except KeyError:
        raise UnknownStageError(f"stage {name!r} is not one of {', '.join(STAGES)}") from None
