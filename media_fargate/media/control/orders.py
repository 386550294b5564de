"""What the control server asks of the process that carries the calls."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

__all__ = ["AdmitAnswer", "AdmitRequest", "CallOrders", "OrderRefusedError"]


class OrderRefusedError(Exception):
    """An order was not carried out. `code` is for machines, the message for a person; neither names internals."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class AdmitRequest:
    """What the edge knows of an INVITE: `source` is the address it came from, the others are header values."""

    source: str
    transport: str
    request_uri: str
    to: str | None = None
    caller: str | None = None
    diversion: str | None = None


@dataclass(frozen=True)
class AdmitAnswer:
    """What the edge is to do; `code` and `reason` are the SIP response of a rejection."""

    action: Literal["relay", "reject", "drop"]
    code: int | None = None
    reason: str | None = None


class CallOrders(Protocol):
    """The director as the control server sees it."""

    def dial(self, org_id: str, call_id: str) -> bool:
        """Start dialling a call that is in the table; False when there is no capacity."""

    async def command(self, org_id: str, call_id: str, command: Mapping[str, Any]) -> None:
        """Change a running call. Raises OrderRefusedError."""

    async def admit(self, request: AdmitRequest) -> AdmitAnswer:
        """Decide about an INVITE before it is relayed here."""
