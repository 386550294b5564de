"""Quantities as servers tell them."""

from typing import Any

_ABSURD = 1e12
"""No quantity is as large as this; infinity, too, is JSON to Python."""


def quantity(told: Any) -> float:
    """A number of tokens or seconds; 0 for what cannot be one."""
    return told if isinstance(told, int | float) and 0 <= told < _ABSURD else 0
