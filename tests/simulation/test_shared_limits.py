"""Several campaigns on one trunk: what they share is shared fairly and never exceeded, which the world itself looks at
before every ring (`limits.check_kept`) and at the end (`limits.check_given_back`)."""

from collections import Counter
from typing import Any

import pytest

from sovereign.sip_trunks import TrunkSettings
from tests.component.campaigns.simulation.world import Ring, World

PIECES, WORLDS = 4, 20
RATES = [None, 0.1, 1, 4]


def trunk(**limits: Any) -> TrunkSettings:
    return TrunkSettings(name="T", provider="p", address="8.8.8.8:5060", **limits)


@pytest.mark.parametrize("piece", range(PIECES))
def test_disturbed_campaigns_on_one_trunk_exceed_no_limit_and_end(piece: int) -> None:
    rang = 0
    for seed in range(piece, WORLDS, PIECES):
        limits = trunk(max_concurrent_calls=1 + seed % 4, calls_per_second=RATES[seed // 4 % 4])
        world = World(20_000 + seed, campaigns=2 + seed % 2, trunk=limits)
        world.run()
        attempts = Counter((ring.campaign_id, ring.number, ring.attempt) for ring in world.rings)
        assert all(count == 1 for count in attempts.values()), attempts
        for campaign_id in world.campaign_ids:
            counts = world.campaign(campaign_id).counts
            assert counts.pending == counts.calling == 0
        rang += len(world.rings)
    assert rang > WORLDS // PIECES


@pytest.mark.parametrize(
    ("limits", "interval"),
    [
        ({"max_concurrent_calls": 3}, 20 / 3),
        ({"calls_per_second": 0.5}, 2),
        ({"max_concurrent_calls": 30, "calls_per_second": 1}, 1),
    ],
)
def test_campaigns_that_want_more_get_a_trunk_as_often_as_each_other(limits: dict[str, Any], interval: float) -> None:
    world = World(3, calm=True, leads=60, campaigns=2, trunk=trunk(**limits), call_seconds=20)
    assert all(world.campaign(c).settings.calls_per_second > 1 for c in world.campaign_ids)
    world.run()
    both = while_both_had_leads(world)
    counted = Counter(ring.campaign_id for ring in both)
    assert len(both) > 80
    assert min(counted.values()) > 0.4 * len(both), counted
    span = (both[-1].at - both[0].at).total_seconds()
    assert span / (len(both) - 1) < 1.06 * interval, "the trunk is used to its limit"


def test_campaign_that_wants_less_than_its_share_gets_it() -> None:
    world = World(0, calm=True, leads=60, campaigns=2, trunk=trunk(calls_per_second=0.5), call_seconds=20)
    slow, fast = world.campaign_ids
    assert world.campaign(slow).settings.calls_per_second == 0.1
    assert world.campaign(fast).settings.calls_per_second == 5
    world.run()
    both = while_both_had_leads(world)
    span = (both[-1].at - both[0].at).total_seconds()
    counted = Counter(ring.campaign_id for ring in both)
    assert counted[slow] > 0.9 * 0.1 * span
    assert counted.total() > 0.93 * 0.5 * span


def while_both_had_leads(world: World) -> list[Ring]:
    """First attempts from when each campaign had rung somebody until one had rung everybody."""
    firsts = sorted((ring for ring in world.rings if ring.attempt == 1), key=lambda ring: ring.at)
    moments = [[ring.at for ring in firsts if ring.campaign_id == c] for c in world.campaign_ids]
    since, until = max(at[0] for at in moments), min(at[-1] for at in moments)
    return [ring for ring in firsts if since <= ring.at <= until]
