"""What `GET /voices` answers."""

from typing_extensions import TypedDict

from sovereign.http.contract.operation import Operation, Operations, envelope


class Description(TypedDict):
    """How a voice sounds, in two languages."""

    en: str
    nl: str


class Voice(TypedDict):
    """A voice that needs no key."""

    id: str
    name: str
    language: str
    description: Description


_EXAMPLE = {
    "id": "heart",
    "name": "Heart",
    "language": "en",
    "description": {"en": "Warm and clear.", "nl": "Warm en helder."},
}

OPERATIONS: Operations = {"GET /voices": Operation(envelope(voices=list[Voice]), {"voices": [_EXAMPLE]})}
