"""The deprecated spellings that stay accepted on input, and how they become the one name a model knows."""

from collections.abc import Collection, Mapping
from typing import Any

_GROUPS: tuple[tuple[str, ...], ...] = (
    ("assistant_id", "agent_id"),
    ("assistant", "agent", "agent_config"),
    ("end_call", "endCall"),
    ("transfer_call", "transferCall"),
)
_SYNONYMS: dict[str, tuple[str, ...]] = {name: group for group in _GROUPS for name in group}
_CANONICAL_VALUES = {"endCall": "end_call", "transferCall": "transfer_call"}


class DifferingSpellingsError(ValueError):
    """Two spellings of one member were sent with different values; the message names both."""


def unify_spellings(given: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Rename each synonym in `given` to the spelling listed in `names`; members without one there stay as they are.

    Raises DifferingSpellingsError when two spellings of one member differ.
    """
    unified: dict[str, Any] = {}
    spelled: dict[str, str] = {}
    for name, value in given.items():
        target = name if name in names else next((s for s in _SYNONYMS.get(name, ()) if s in names), name)
        if target in unified and unified[target] != value:
            raise DifferingSpellingsError(f"{spelled[target]} and {name} are the same member and differ")
        unified[target] = value
        spelled[target] = name
    return unified


def synonyms_of(name: str) -> tuple[str, ...]:
    """The other spellings of a member."""
    return tuple(spelled for spelled in _SYNONYMS.get(name, ()) if spelled != name)


def canonical_word(value: Any) -> Any:
    """`endCall` and `transferCall` as values (a tool's type) in their present spelling; anything else unchanged."""
    return _CANONICAL_VALUES.get(value, value) if isinstance(value, str) else value
