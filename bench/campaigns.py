"""What campaigns promise, measured in virtual time: the real engine and stores on a table in memory.

The world of `tests/component/campaigns/simulation`: undisturbed for the pace and the cost, with crashes, lost news and
meddling users for dials that should not have been.
"""

import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Final

from bench.table import Row

PACED, LEADS, DISTURBED = 8, 200, 60
SOAKED = 10_000
_TRANSITIONS_A_TURN = 2
_AT_ONE_A_SECOND: Final = 9
"""A seed whose campaign makes one call a second."""


def run(tell: Callable[[str], None]) -> list[Row]:
    """The rows."""
    _prepare()
    error = max(_pacing_error(seed) for seed in range(PACED))
    tell(f"  pace of {PACED} campaigns with {LEADS} leads: {error:.2f}% off at most")
    wrong = sum(wrong_dials(seed) for seed in range(DISTURBED))
    tell(f"  {DISTURBED} disturbed campaigns: {wrong} wrong dials")
    few, transitions = _cost(LEADS)
    tell(f"  requests a dial: {few:.1f} with {LEADS} leads")
    return [
        Row("campaign_pacing_error_pct", error, note=f"worst of {PACED} campaigns"),
        Row("campaign_wrong_dials", wrong, note=f"{DISTURBED} campaigns; make soak: {SOAKED}"),
        Row("campaign_requests_per_dial", few, note="claim, call and its end"),
        Row("campaign_transitions_per_lead", transitions, note=f"{LEADS} leads at 1 call a second"),
        *_of_very_many_leads(tell),
    ]


def _of_very_many_leads(tell: Callable[[str], None]) -> list[Row]:
    from bench import campaign_size, imports  # noqa: PLC0415 - after the variables

    world = campaign_size.paused_world(1)
    return [*imports.measure(tell, world), *campaign_size.measure(tell, world)]


def wrong_dials(seed: int) -> int:
    """Calls of disturbed campaigns that rang twice for an attempt, or out of hours; other broken promises raise, a
    shared limit that was exceeded or a place that was not given back among them."""
    try:
        return _wrong_dials(seed)
    except Exception as broken:
        raise AssertionError(f"the world of seed {seed}: {type(broken).__name__}: {broken}") from broken


def _wrong_dials(seed: int) -> int:
    _prepare()
    from tests.component.campaigns.simulation.chances import OutOfHoursError  # noqa: PLC0415 - after the variables
    from tests.component.campaigns.simulation.world import World  # noqa: PLC0415 - as above

    world = World(seed, campaigns=_campaigns_of(seed))
    try:
        world.run()
    except OutOfHoursError:
        return 1
    for counts in (world.campaign(campaign_id).counts for campaign_id in world.campaign_ids):
        assert counts.pending == counts.calling == 0, "leads were left behind"
    rang = Counter((ring.campaign_id, ring.number, ring.attempt) for ring in world.rings)
    return sum(times - 1 for times in rang.values())


def soak(worlds: int) -> dict[str, Any]:
    """Many worlds of disturbed campaigns, on every core."""
    with ProcessPoolExecutor() as pool:
        wrong = sum(pool.map(wrong_dials, range(worlds), chunksize=10))
    assert wrong == 0, f"{wrong} wrong dials"
    return {"worlds": worlds, "campaigns": sum(map(_campaigns_of, range(worlds))), "wrong_dials": wrong}


def _campaigns_of(seed: int) -> int:
    """Most worlds have one campaign; in every fifth two or three share what there is."""
    return 1 if seed % 5 else 2 + seed // 5 % 2


def _pacing_error(seed: int) -> float:
    world = _undisturbed(seed, LEADS)
    per_second = world.campaign().settings.calls_per_second
    moments = sorted(ring.at for ring in world.rings if ring.attempt == 1)
    span = (moments[-1] - moments[0]).total_seconds()
    wanted = (len(moments) - 1) / per_second
    return float(abs(span - wanted) / wanted * 100)


def _cost(leads: int) -> tuple[float, float]:
    """Table requests a dial, and state transitions a lead."""
    world = _undisturbed(_AT_ONE_A_SECOND, leads)
    return world.requests / len(world.rings), world.turns * _TRANSITIONS_A_TURN / leads


def _undisturbed(seed: int, leads: int) -> Any:
    from tests.component.campaigns.simulation.world import World  # noqa: PLC0415 - after the variables

    world = World(seed, calm=True, leads=leads)
    world.run()
    return world


def _prepare() -> None:
    os.environ.update({"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"})
    os.environ["DEFAULT_PROVIDERS"] = "local"
