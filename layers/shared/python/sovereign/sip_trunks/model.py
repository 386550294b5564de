"""A SIP trunk: the way to and from a carrier or PBX."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from sovereign.catalog.base import Strict
from sovereign.kernel.clock import to_wire
from sovereign.kernel.errors import InvalidRequestError, NotFoundError
from sovereign.sip_trunks.addresses import Host, HostPort, Source

KIND = "TRUNK"
MAX_SOURCES = 30
"""Each source takes two writes of a transaction's hundred when a trunk is changed."""

Text = Annotated[str, Field(min_length=1, max_length=200)]
UserName = Annotated[str, Field(max_length=200, pattern=r'^[^\x00-\x20\x7f;<>"\\]+$')]
Password = Annotated[str, Field(max_length=200, pattern=r'^[^\x00-\x1f\x7f"\\]+$')]
"""Both without what the SIP stack's account line cannot hold: such a trunk could be saved but never dialled."""


class TrunkNotFoundError(NotFoundError):
    """The organization has no such trunk."""

    def __init__(self) -> None:
        super().__init__("No such SIP trunk.")


def _unique(sources: list[str]) -> list[str]:
    if len(set(sources)) != len(sources):
        raise ValueError("must not repeat an entry")
    return sources


class TrunkOptions(Strict):
    """The members with a default. Without `inbound_addresses` the trunk takes no calls in.

    `max_concurrent_calls` and `calls_per_second` bound the outbound calls through the trunk, whoever places them; null
    is no bound.
    """

    transport: Literal["udp", "tcp", "tls"] = "udp"
    auth_username: UserName | None = None
    is_active: bool = True
    inbound_addresses: Annotated[list[Source], Field(max_length=MAX_SOURCES), AfterValidator(_unique)] = Field(
        default_factory=list
    )
    outbound_proxy: HostPort | None = None
    from_domain: Host | None = None
    registration: Literal["none", "register"] = "none"
    transfer_mode: Literal["refer", "bridge", "auto"] = "auto"
    caller_id: Literal["own", "pass_through"] = "own"
    srtp: Literal["off", "optional", "required"] = "off"
    max_concurrent_calls: Annotated[int, Field(ge=1, le=10_000)] | None = None
    calls_per_second: Annotated[float, Field(ge=0.1, le=100)] | None = None


class TrunkSettings(TrunkOptions):
    """The writable members but the password."""

    name: Text
    provider: Text
    address: HostPort


class TrunkChanges(TrunkOptions):
    """A change: only the members that were sent count."""

    name: Text = Field(default_factory=str)
    provider: Text = Field(default_factory=str)
    address: HostPort = Field(default_factory=str)


@dataclass(frozen=True)
class SipTrunk:
    """A saved trunk. `password_token` is the encrypted password; it is never shown."""

    id: str
    org_id: str
    settings: TrunkSettings
    password_token: str | None
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def accepted_sources(self) -> frozenset[str]:
        """The CIDRs that count now: an inactive trunk accepts nothing."""
        return frozenset(self.settings.inbound_addresses) if self.settings.is_active else frozenset()

    def public(self) -> dict[str, Any]:
        """As responses show it."""
        times = {"created_at": to_wire(self.created_at), "updated_at": to_wire(self.updated_at)}
        return {"id": self.id, "org_id": self.org_id, **self.settings.model_dump(), **times}


def warnings_of(settings: TrunkSettings) -> list[str]:
    """What of the settings has no effect today, or not always (docs/not-yet.md)."""
    without_effect = {
        "srtp: calls in are encrypted only where the deployment says so (srtpIn)": settings.srtp != "off",
        "registration: none is sent; tell the carrier the address it sends calls to": settings.registration != "none",
        "transport: tls is spoken to the carrier; calls in come over udp or tcp": settings.transport == "tls",
    }
    return [warning for warning, holds in without_effect.items() if holds]


def check_credentials(settings: TrunkSettings, *, has_password: bool) -> None:
    """Raise InvalidRequestError when the trunk is to register or has a password without the name that belongs to it."""
    problems = []
    if settings.registration == "register" and settings.auth_username is None:
        problems.append("auth_username: required when registration is register")
    if settings.registration == "register" and not has_password:
        problems.append("auth_password: required when registration is register")
    if has_password and settings.auth_username is None:
        problems.append("auth_username: required with a password")
    if problems:
        raise InvalidRequestError(details=problems)
