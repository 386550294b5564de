"""A sending domain: ours by name, Resend's by id."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from sovereign.catalog.base import Strict
from sovereign.kernel.clock import to_wire
from sovereign.kernel.errors import ConflictError, InvalidRequestError, NotFoundError

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?=.{{4,253}}$)(?:{_LABEL}\.)+(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{1,59}})")

RECORD_MEMBERS = ("record", "name", "type", "ttl", "status", "value", "priority")
"""What is shown of a DNS record; one that Resend leaves out is null."""
_SENDING_RECORDS = frozenset({"SPF", "DKIM"})


class DomainNotFoundError(NotFoundError):
    """The organization has no sending domain."""

    def __init__(self) -> None:
        super().__init__("The organization has no sending domain.")


class SecondDomainError(ConflictError):
    """An organization has one sending domain at most (409)."""

    def __init__(self) -> None:
        super().__init__("The organization has a sending domain already; delete it first.")


class DomainNotVerifiedError(InvalidRequestError):
    """Resend does not send from the domain, or not yet (400)."""

    code = "domain_not_verified"

    def __init__(self) -> None:
        super().__init__("The sending domain is not verified.")


class NoResendKeyError(InvalidRequestError):
    """Neither the organization nor the platform has a key for Resend (400)."""

    code = "resend_key_missing"

    def __init__(self) -> None:
        super().__init__("There is no Resend key: store one with POST /byok (provider resend).")


def _check_name(text: str) -> str:
    name = text.lower().removesuffix(".")
    if not _NAME.fullmatch(name):
        raise ValueError("must be a domain name such as mail.example.com")
    return name


class NewDomain(Strict):
    """A domain to send from; it is kept in lower case."""

    domain_name: Annotated[str, Field(max_length=254), AfterValidator(_check_name)]


class Selection(Strict):
    """A domain of the Resend account to send from."""

    resend_domain_id: Annotated[str, Field(alias="resendDomainId", pattern=r"^[A-Za-z0-9_-]{1,64}$")]


@dataclass(frozen=True)
class RemoteDomain:
    """A domain as Resend shows it; `records` is None where a list leaves them out."""

    id: str
    name: str
    status: str
    region: str | None
    created_at: datetime | None
    records: Sequence[Mapping[str, Any]] | None

    def listed(self) -> dict[str, Any]:
        """As the list of domains to choose from shows it."""
        return {"id": self.id, "name": self.name, "status": self.status, "region": self.region}


@dataclass(frozen=True)
class Domain:
    """The organization's domain. `made_here` tells one this platform created from one that was chosen."""

    id: str
    org_id: str
    domain_name: str
    resend_domain_id: str
    status: str
    region: str | None
    records: Sequence[Mapping[str, Any]] | None
    made_here: bool
    created_at: datetime
    updated_at: datetime
    verified_at: datetime | None

    @property
    def can_send(self) -> bool:
        """Whether Resend takes mail from it: also where it is verified in part, because it does not receive."""
        if self.status == "verified":
            return True
        sending = [record for record in self.records or () if record.get("record") in _SENDING_RECORDS]
        return bool(sending) and all(record.get("status") == "verified" for record in sending)

    def public(self) -> dict[str, Any]:
        """As responses show it."""
        return {
            "id": self.id,
            "org_id": self.org_id,
            "domain_name": self.domain_name,
            "resend_domain_id": self.resend_domain_id,
            "status": self.status,
            "region": self.region,
            "records": None if self.records is None else [dict(record) for record in self.records],
            "created_at": to_wire(self.created_at),
            "updated_at": to_wire(self.updated_at),
            "verified_at": to_wire(self.verified_at) if self.verified_at else None,
        }
