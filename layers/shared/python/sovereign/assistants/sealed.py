"""An assistant's document with its secrets taken out: masks stay in their place, encrypted values lie beside it.

So a response needs no decryption, and a mask that comes back is recognised by comparing it with the one stored.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sovereign.kernel.encryption import Cipher
from sovereign.kernel.errors import InvalidRequestError
from sovereign.kernel.masking import SECRET_NAMES, is_mask, mask_secret

Document = dict[str, Any]
Transform = Callable[[str, str], str]
"""Takes a secret's place (a JSON pointer; tools are named instead of numbered) and its text, gives the text to put."""


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
    document: Document, cipher: Cipher, owner: Owner, *, kept: Sealed | None = None, literal: bool = False
) -> Sealed:
    """Encrypt the secrets of a document. A mask equal to the one at its place in `kept` keeps the value stored there,
    and so does the same secret sent again: what did not change keeps its token.

    Raises InvalidRequestError naming each other mask: what it stands for is not known. `literal`: the document is
    known to hold no masks, so what looks like one is a value like any other.
    """
    shown = dict(_secrets(kept.document, "")) if kept else {}
    known = kept.tokens if kept else {}
    tokens: dict[str, str] = {}
    strangers: list[str] = []

    def put(place: str, text: str) -> str:
        if is_mask(text) and not literal:
            if shown.get(place) == text and place in known:
                tokens[place] = known[place]
            else:
                strangers.append(f"{_path(place)}: is a mask but not the stored one; send the secret itself")
            return text
        mask = mask_secret(text) or ""
        same = shown.get(place) == mask and place in known and _opens_to(known[place], text, cipher, owner)
        tokens[place] = known[place] if same else cipher.encrypt(text, org_id=owner.org_id, resource=owner.resource)
        return mask

    masked = _mapped(document, put, "")
    if strangers:
        raise InvalidRequestError(details=strangers)
    return Sealed(masked, tokens)


def _opens_to(token: str, text: str, cipher: Cipher, owner: Owner) -> bool:
    return cipher.decrypt(token, org_id=owner.org_id, resource=owner.resource) == text


def unseal(sealed: Sealed, cipher: Cipher, owner: Owner) -> Document:
    """The document with its secrets in the clear."""

    def put(place: str, text: str) -> str:
        token = sealed.tokens.get(place)
        return text if token is None else cipher.decrypt(token, org_id=owner.org_id, resource=owner.resource)

    document: Document = _mapped(sealed.document, put, "")
    return document


def with_masks_resolved(document: Document, stored: Document, at: str) -> Document:
    """`document` with each mask replaced by the secret it stands for in `stored` (both in the clear).

    Raises InvalidRequestError naming each mask that stands for none.
    """
    known = dict(_secrets(stored, ""))
    strangers: list[str] = []

    def put(place: str, text: str) -> str:
        if not is_mask(text) or text == known.get(place):
            return text
        if place in known and mask_secret(known[place]) == text:
            return known[place]
        strangers.append(f"{at}.{_path(place)}: is a mask but not the stored one; send the secret itself".lstrip("."))
        return text

    resolved: Document = _mapped(document, put, "")
    if strangers:
        raise InvalidRequestError(details=strangers)
    return resolved


def without_secrets(document: Mapping[str, Any]) -> Document:
    """A copy with every secret member left out."""
    public: Document = _without(document, "")
    return public


def _without(value: Any, place: str) -> Any:
    if _is_schema(place):
        return value
    if isinstance(value, Mapping):
        return {n: _without(v, _below(place, n)) for n, v in value.items() if not (n in SECRET_NAMES and _holds(n, v))}
    if isinstance(value, list):
        return [_without(entry, _entry(place, number, entry)) for number, entry in enumerate(value)]
    return value


def _holds(name: str, value: Any) -> bool:
    """Whether a secret-named member holds secrets itself, rather than an object that may hold some further down."""
    return isinstance(value, str) or (name == "headers" and isinstance(value, Mapping))


def _mapped(value: Any, put: Transform, place: str, *, secret: bool = False) -> Any:
    if secret and isinstance(value, str):
        return put(place, value)
    if _is_schema(place):
        return value
    if isinstance(value, Mapping):
        inherited = secret and place.endswith("/headers")
        return {n: _mapped(v, put, _below(place, n), secret=inherited or n in SECRET_NAMES) for n, v in value.items()}
    if isinstance(value, list):
        return [_mapped(entry, put, _entry(place, number, entry)) for number, entry in enumerate(value)]
    return value


def _secrets(document: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
    found: list[tuple[str, str]] = []

    def note(where: str, text: str) -> str:
        found.append((where, text))
        return text

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
