"""An assistant's document with its secrets taken out: masks stay in their place, encrypted values lie beside it.

So a response needs no decryption, and a mask that comes back is recognised by comparing it with the one stored.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sovereign.kernel.documents import SAVED_BYTES, TokenRoom
from sovereign.kernel.encryption import Cipher, decrypt_value, encrypt_value
from sovereign.kernel.errors import InvalidRequestError
from sovereign.kernel.masking import SECRET_NAMES, is_mask, mask_value

_TOKEN_BYTES = 300
"""Of a token beside its text: version, wrapped data key (184 bytes with KMS), nonce and tag in base64."""

Document = dict[str, Any]
Transform = Callable[[str, Any], Any]
"""Takes a secret's place (a JSON pointer; tools are named instead of numbered) and its value, gives the one to put.

Whatever stands under a secret name is secret, in lists and objects too; a null is not, there is nothing to hide.
"""


class Owner(NamedTuple):
    """Whom encrypted values belong to, e.g. `("<org>", "assistant/<id>")`: the encryption's context."""

    org_id: str
    resource: str


@dataclass(frozen=True)
class Sealed:
    """`document` shows masks where secrets are; `tokens` holds them encrypted, by place."""

    document: Document
    tokens: Mapping[str, str] = field(default_factory=dict)


def seal(
    document: Document,
    cipher: Cipher,
    owner: Owner,
    *,
    kept: Sealed | None = None,
    literal: bool = False,
    limit: int = SAVED_BYTES,
) -> Sealed:
    """Encrypt the secrets of a document. A mask equal to the one at its place in `kept` keeps the value stored there,
    and so does the same secret sent again: what did not change keeps its token.

    Raises InvalidRequestError naming each other mask: what it stands for is not known; BodyTooLargeError when document
    and tokens take more than `limit` bytes. `literal`: the document is known to hold no masks, so what looks like one
    is a value like any other.
    """
    shown = dict(_secrets(kept.document, "")) if kept else {}
    known = kept.tokens if kept else {}
    room = TokenRoom(limit)
    tokens: dict[str, str] = {}
    strangers: list[str] = []

    def put(place: str, value: Any) -> Any:
        if is_mask(value) and not literal:
            if shown.get(place) == value and place in known:
                tokens[place] = known[place]
            else:
                strangers.append(f"{_path(place)}: is a mask but not the stored one; send the secret itself")
            return value
        mask = mask_value(value)
        same = shown.get(place) == mask and place in known and _opens_to(known[place], value, cipher, owner)
        tokens[place] = known[place] if same else encrypt_value(cipher, value, **owner._asdict())
        room.take(place, tokens[place])
        return mask

    masked = _mapped(document, put, "")
    if strangers:
        raise InvalidRequestError(details=strangers)
    room.check(masked, tokens)
    return Sealed(masked, tokens)


def _opens_to(token: str, value: Any, cipher: Cipher, owner: Owner) -> bool:
    opened = decrypt_value(cipher, token, **owner._asdict())
    return type(opened) is type(value) and opened == value  # True is no 1


def unseal(sealed: Sealed, cipher: Cipher, owner: Owner) -> Document:
    """The document with its secrets in the clear."""

    def put(place: str, value: Any) -> Any:
        token = sealed.tokens.get(place)
        return value if token is None else decrypt_value(cipher, token, **owner._asdict())

    document: Document = _mapped(sealed.document, put, "")
    return document


def with_masks_resolved(document: Document, stored: Document, at: str) -> Document:
    """`document` with each mask replaced by the secret it stands for in `stored` (both in the clear).

    Raises InvalidRequestError naming each mask that stands for none.
    """
    known = dict(_secrets(stored, ""))
    strangers: list[str] = []

    def put(place: str, value: Any) -> Any:
        if not is_mask(value) or value == known.get(place):
            return value
        if place in known and mask_value(known[place]) == value:
            return known[place]
        strangers.append(f"{at}.{_path(place)}: is a mask but not the stored one; send the secret itself".lstrip("."))
        return value

    resolved: Document = _mapped(document, put, "")
    if strangers:
        raise InvalidRequestError(details=strangers)
    return resolved


def token_bytes(document: Mapping[str, Any]) -> int:
    """About what the tokens of a document in the clear will take."""
    return sum(_TOKEN_BYTES + len(place) + len(str(value)) * 4 // 3 for place, value in _secrets(document, ""))


def without_secrets(document: Mapping[str, Any]) -> Document:
    """A copy with every secret member left out."""
    public: Document = _without(document, "")
    return public


def _without(value: Any, place: str) -> Any:
    if _is_schema(place):
        return value
    if isinstance(value, Mapping):
        shown = {n: v for n, v in value.items() if n not in SECRET_NAMES or v is None}
        return {n: _without(v, _below(place, n)) for n, v in shown.items()}
    if isinstance(value, list):
        return [_without(entry, _entry(place, number, entry)) for number, entry in enumerate(value)]
    return value


def _mapped(value: Any, put: Transform, place: str, *, secret: bool = False) -> Any:
    if _is_schema(place):
        return value
    if isinstance(value, Mapping):
        return {n: _mapped(v, put, _below(place, n), secret=secret or n in SECRET_NAMES) for n, v in value.items()}
    if isinstance(value, list):
        return [_mapped(entry, put, _entry(place, number, entry), secret=secret) for number, entry in enumerate(value)]
    return put(place, value) if secret and value is not None else value


def _secrets(document: Mapping[str, Any], place: str) -> Iterator[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []

    def note(where: str, value: Any) -> Any:
        found.append((where, value))
        return value

    _mapped(document, note, place)
    yield from found


def _is_schema(place: str) -> bool:
    """JSON Schemas describe values, so a property called `secret` in one is no secret."""
    parts = place.split("/")[1:]
    return (parts[:2] == ["llm_config", "tools"] and parts[3:] == ["parameters"]) or parts == [
        "analysis_plan",
        "structured_data_plan",
        "schema",
    ]


def _below(place: str, name: str) -> str:
    return f"{place}/{name.replace('~', '~0').replace('/', '~1')}"


def _entry(place: str, number: int, entry: Any) -> str:
    # tools may be sent back in another order, so their place is their name
    named = place == "/llm_config/tools" and isinstance(entry, Mapping) and isinstance(entry.get("name"), str)
    return f"{place}/{entry['name'] if named else number}"


def _path(place: str) -> str:
    return place[1:].replace("/", ".").replace("~1", "/").replace("~0", "~")
