"""Calls that lose their report when nodes are killed at random, counted in virtual time.

The worlds of `tests/component/calls/simulation`: the nodes' own code, the functions, the stores, on a table in memory.
"""

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

from bench.table import Row

CALLS, CALLS_A_WORLD = 10_000, 200


class Outcome(NamedTuple):
    """What became of the calls of a world: how many there were, how many lost their report; nodes killed."""

    calls: int
    lost: int
    killed: int


def run(tell: Callable[[str], None]) -> list[Row]:
    """The row."""
    with ProcessPoolExecutor() as pool:
        outcomes = list(pool.map(partial(outcome_of, calls=CALLS_A_WORLD), range(CALLS // CALLS_A_WORLD)))
    calls, lost, killed = (sum(figures) for figures in zip(*outcomes, strict=True))
    tell(f"  {calls} calls, {killed} nodes killed: {lost} lost reports")
    return [Row("lost_reports", lost, note=f"{calls} calls, {killed} nodes killed")]


def outcome_of(seed: int, *, calls: int) -> Outcome:
    """Run one world; whatever else does not hold there raises, with its seed."""
    os.environ["DEFAULT_PROVIDERS"] = "local"
    from tests.component.calls.simulation.world import World  # noqa: PLC0415 - after the variable

    world = World(seed, calls=calls)
    try:
        lost = world.run()
    except Exception as broken:
        raise AssertionError(f"the world of seed {seed}: {type(broken).__name__}: {broken}") from broken
    killed = sum(node.killed_at is not None for node in world.nodes)
    return Outcome(world.promises.calls, len(lost), killed)
