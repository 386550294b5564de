"""An entry of the do-not-call list."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from sovereign.catalog.base import Strict
from sovereign.kernel.clock import to_wire
from sovereign.kernel.phone import E164


class Listing(Strict):
    """What is put on the list: a number in E.164, and why if it is known."""

    phone_number: E164
    reason: Annotated[str, Field(min_length=1, max_length=500)] | None = None


@dataclass(frozen=True)
class DoNotCallEntry:
    """A number that is not called from now on."""

    phone_number: str
    reason: str | None
    created_at: datetime

    def public(self) -> dict[str, Any]:
        """As responses show it."""
        return {"phone_number": self.phone_number, "reason": self.reason, "created_at": to_wire(self.created_at)}
