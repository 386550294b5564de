"""A webhook secret that was replaced: it signs beside the newest one for a while (`sovereign.kernel.signing`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from sovereign.assistants.sealed import Owner, Sealed
from sovereign.kernel.clock import from_wire, to_wire
from sovereign.kernel.encryption import Cipher

_PLACE = "/webhook_secret"


@dataclass(frozen=True, repr=False)
class ReplacedSecret:
    """A replaced secret in the clear, and when it was replaced."""

    secret: str
    at: datetime

    def document(self) -> dict[str, Any]:
        """As JSON values; the member `secret` is sealed with the document this is put into."""
        return {"secret": self.secret, "at": to_wire(self.at)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any] | None) -> Self | None:
        """The secret of a document made by `document`."""
        return cls(document["secret"], from_wire(document["at"])) if document else None


class ReplacedToken(NamedTuple):
    """A replaced secret as it is stored: still encrypted for its assistant."""

    token: str
    at: datetime

    def revealed(self, cipher: Cipher, owner: Owner) -> ReplacedSecret:
        """The secret in the clear."""
        return ReplacedSecret(cipher.decrypt(self.token, org_id=owner.org_id, resource=owner.resource), self.at)


def replaced_by(before: Sealed, after: Sealed, earlier: ReplacedToken | None, now: datetime) -> ReplacedToken | None:
    """What signs beside the webhook secret of `after`: the one it replaced, or `earlier` when it replaced none.

    A secret that is set for the first time or cleared leaves nothing to sign with beside it.
    """
    old, new = before.tokens.get(_PLACE), after.tokens.get(_PLACE)
    if old == new:
        return earlier
    return ReplacedToken(old, now) if old and new else None
