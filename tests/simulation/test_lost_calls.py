"""Hundreds of calls in virtual time on nodes that are killed, cut off and hang; `make bench` runs ten thousand."""

import pytest

from tests.component.calls.simulation.world import World


@pytest.mark.parametrize("seed", range(4))
def test_calls_of_killed_nodes_are_reported_once_and_billed_once(seed: int) -> None:
    world = World(seed, calls=80)
    assert world.run() == []
    assert any(node.killed_at for node in world.nodes)
