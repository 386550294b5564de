"""A definition with its secrets taken out: masks stay in their place, encrypted values lie beside it.

A secret's place is named by its node's id and its tool's name, so that both may be sent back in another order.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sovereign.kernel.documents import SAVED_BYTES, TokenRoom
from sovereign.kernel.encryption import Cipher, decrypt_value, encrypt_value
from sovereign.kernel.errors import InvalidRequestError
from sovereign.kernel.masking import SECRET_NAMES, is_mask, mask_value

Place = tuple[str, ...]
Put = Callable[[Place, Any], Any]
"""Takes a secret's place and value, gives the one to put there."""


class Owner(NamedTuple):
    """The context in which a workflow's secrets are encrypted."""

    org_id: str
    workflow_id: str

    @property
    def resource(self) -> str:
        """The resource of the encryption's context."""
        return f"workflow/{self.workflow_id}"


@dataclass(frozen=True)
class SealedDefinition:
    """`document` shows masks where secrets are; `tokens` holds them encrypted, by place."""

    document: Mapping[str, Any]
    tokens: Mapping[str, str] = field(default_factory=dict)


def seal(
    document: Mapping[str, Any],
    cipher: Cipher,
    owner: Owner,
    *,
    kept: SealedDefinition | None = None,
    limit: int = SAVED_BYTES,
) -> SealedDefinition:
    """Encrypt the secrets of a definition. A mask equal to the stored one at its place keeps the stored value.

    Raises InvalidRequestError naming each other mask: what it stands for is not known; BodyTooLargeError when document
    and tokens take more than `limit` bytes.
    """
    shown = _secrets(kept.document) if kept else {}
    known = kept.tokens if kept else {}
    room = TokenRoom(limit)
    tokens: dict[str, str] = {}
    strangers: list[str] = []

    def put(place: Place, value: Any) -> Any:
        name = "/".join(place)
        if not is_mask(value):
            tokens[name] = encrypt_value(cipher, value, org_id=owner.org_id, resource=owner.resource)
            room.take(name, tokens[name])
            return mask_value(value)
        if shown.get(name) == value and name in known:
            tokens[name] = known[name]
        else:
            strangers.append(f"definition.{'.'.join(place)}: is a mask but not the stored one; send the secret itself")
        return value

    masked = _mapped(document, put, ())
    if strangers:
        raise InvalidRequestError(details=strangers)
    room.check(masked, tokens)
    return SealedDefinition(masked, tokens)


def unseal(sealed: SealedDefinition, cipher: Cipher, owner: Owner) -> dict[str, Any]:
    """The definition with its secrets in the clear, for the container that runs it."""

    def put(place: Place, value: Any) -> Any:
        token = sealed.tokens.get("/".join(place))
        return value if token is None else decrypt_value(cipher, token, org_id=owner.org_id, resource=owner.resource)

    document: dict[str, Any] = _mapped(sealed.document, put, ())
    return document


def _secrets(document: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def note(place: Place, value: Any) -> Any:
        found["/".join(place)] = value
        return value

    _mapped(document, note, ())
    return found


def _mapped(value: Any, put: Put, place: Place, *, secret: bool = False) -> Any:
    if isinstance(value, Mapping):
        # what stands below a secret name is as secret as what stands at it
        return {
            name: member
            if _is_schema(place, name)
            else _mapped(member, put, (*place, name), secret=secret or name in SECRET_NAMES)
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [
            _mapped(entry, put, (*place, _name(place, number, entry)), secret=secret)
            for number, entry in enumerate(value)
        ]
    return put(place, value) if secret and value is not None else value


def _is_schema(place: Place, name: str) -> bool:
    """JSON Schemas describe values, so a property called `secret` in one is no secret."""
    return name == "parameters" and len(place) == 4 and (place[0], place[2]) == ("nodes", "tools")


def _name(place: Place, number: int, entry: Any) -> str:
    identity = "id" if place == ("nodes",) else "name" if len(place) == 3 and place[2] == "tools" else None
    named = identity is not None and isinstance(entry, Mapping) and isinstance(entry.get(identity), str)
    return str(entry[identity]) if named else str(number)
