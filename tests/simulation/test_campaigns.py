"""Three hundred campaigns in virtual time with everything that can go wrong; `make soak` runs ten thousand."""

from collections import Counter
from itertools import pairwise

import pytest

from sovereign.campaigns.pacing import BURST_MS
from tests.component.campaigns.simulation.world import World

CAMPAIGNS = 300
PIECES = 10


def check_campaign(seed: int) -> World:
    """Run one and hold it to the promises."""
    world = World(seed)
    campaign = world.run()
    world.check_counts()
    attempts = Counter((ring.campaign_id, ring.number, ring.attempt) for ring in world.rings)
    assert all(count == 1 for count in attempts.values()), attempts
    counts = campaign.counts
    assert counts.pending == counts.calling == 0
    assert counts.total == counts.completed + counts.failed + counts.skipped
    return world


@pytest.mark.parametrize("piece", range(PIECES))
def test_campaign_rings_nobody_twice_or_out_of_hours_and_ends(piece: int) -> None:
    rang = sum(len(check_campaign(seed).rings) for seed in range(piece, CAMPAIGNS, PIECES))
    assert rang > CAMPAIGNS // PIECES


@pytest.mark.parametrize("seed", range(20))
def test_undisturbed_campaign_keeps_its_pace(seed: int) -> None:
    world = World(seed, calm=True)
    campaign = world.run()
    interval = 1 / campaign.settings.calls_per_second
    first_attempts = sorted(ring.at for ring in world.rings if ring.attempt == 1)
    span = (first_attempts[-1] - first_attempts[0]).total_seconds()
    wanted = interval * (len(first_attempts) - 1)
    assert abs(span - wanted) <= max(0.05 * wanted, BURST_MS / 1000 + interval)
    for earlier, later in pairwise(sorted(ring.at for ring in world.rings)):
        assert (later - earlier).total_seconds() >= interval - BURST_MS / 1000 - 0.001
