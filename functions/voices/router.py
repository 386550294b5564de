"""Voices."""

from typing import Any

from fastapi import APIRouter

from sovereign.catalog.voices import BUILT_IN_VOICES, BuiltInVoice
from sovereign.http import CallerDep

router = APIRouter(prefix="/voices", tags=["voices"])


@router.get("", summary="List the built-in voices")
def list_voices(_caller: CallerDep) -> dict[str, Any]:
    """The voices that need no key, grouped by language."""
    return {"voices": [_wire(voice) for voice in BUILT_IN_VOICES]}


def _wire(voice: BuiltInVoice) -> dict[str, Any]:
    description = {"en": voice.description_en, "nl": voice.description_nl}
    return {"id": voice.id, "name": voice.name, "language": voice.language, "description": description}
