"""How many numbered rows were made until a moment, for any number of moments in one request.

A tree over the text of moments: a node names a beginning of that text and holds, for each continuation some row has,
the last row that has it. Which nodes lie on the way to a moment follows from its text alone, so all of them, for both
ends of a range and together with the counter, are read at once. A row writes the five nodes above it in the transaction
that makes it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from sovereign.kernel.clock import to_wire
from sovereign.kernel.writes import Ref, Update

__all__ = ["Mark", "mark_writes", "marks_towards", "until"]

_CUTS: Final = (0, 7, 10, 15, 18, 24)
"""Where the text is cut, `2026-11|-25|T13:0|5:2|1.123Z`: months, days, ten minutes, ten seconds, milliseconds. Nodes
stay small (at most 144 continuations but for the last, which holds the milliseconds that have a row)."""
_PREFIX: Final = "MADE#"


@dataclass(frozen=True, order=True)
class Mark:
    """The last row of some beginning of the list: its number, and the owner's running sum up to and with it."""

    number: int = 0
    total: int = 0


def mark_writes(pk: str, made: datetime, mark: Mark) -> list[Update]:
    """What the transaction that makes a row of partition `pk` writes besides; rows come in the order of time."""
    return [Update(node, set={step: [mark.number, mark.total]}) for node, step in _way(pk, made)]


def marks_towards(pk: str, moment: datetime) -> list[Ref]:
    """The items `until` needs."""
    return [node for node, _ in _way(pk, moment)]


def until(found: dict[Ref, Any], pk: str, moment: datetime, *, included: bool = True) -> Mark:
    """The last row made until `moment`, or before it when it is not `included`. `found` holds `marks_towards` it.

    Nodes need not be read at one instant: each tells the truth of its own, and rows are only ever added at the end.
    """
    # rows keep milliseconds: one of the moment's own millisecond lies before it once the moment has more than those
    reaches = included or moment.microsecond % 1000 > 0
    for node, step in reversed([*_way(pk, moment)]):
        item = found.get(node, {})
        before = [name for name in item if name not in node._fields and (name < step or (reaches and name == step))]
        if before:
            return Mark(*item[max(before)])
        reaches = False  # what has the same beginning further up was looked at in the node below
    return Mark()


def _way(pk: str, moment: datetime) -> Iterator[tuple[Ref, str]]:
    """The nodes to a moment, the widest first, each with the continuation that leads on."""
    text = to_wire(moment)
    for start, end in pairwise(_CUTS):
        yield Ref(pk, _PREFIX + text[:start]), text[start:end]
