"""What a dial costs in a campaign of a hundred thousand leads next to one of two hundred.

As many dials are made at three places of the large one: before anything is done; with half of it behind and most of
the rest waiting for a retry tomorrow, or in a zone in which it is night; with the last few left before those.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from bench.metered_world import Cost, MeteredWorld
from bench.table import Row
from sovereign.campaigns.items import block_of, lead_from_item, leads_pk
from sovereign.campaigns.lead import Lead
from tests.component.calls.harness import ORG

LEADS: Final = 200
ROUNDS, DIALS = 5, 40
OPEN_ZONE, CLOSED_ZONE = "Europe/Amsterdam", "America/Los_Angeles"
_NOW: Final = datetime(2026, 11, 11, 9, tzinfo=UTC)
"""10:00 in the one, the middle of the night in the other."""
_SETTINGS: Final = {
    "schedule_start_time": "09:00",
    "schedule_end_time": "20:00",
    "schedule_days": [*range(7)],
    "timezone": OPEN_ZONE,
    "calls_per_second": 1,
    "retry": {"max_attempts": 1},
}


def paused_world(leads: int) -> MeteredWorld:
    """A world whose campaign has so many leads and has not been started."""
    world = MeteredWorld(1, leads=leads)
    world.now = _NOW
    world._change(world.campaign_id, **_SETTINGS)
    return world


def measure(tell: Callable[[str], None], world: MeteredWorld) -> list[Row]:
    """The rows, of a world whose campaign has very many leads, some of them in the closed zone."""
    leads = world.campaign().counts.total
    ratios: dict[str, float] = {}
    for name, finished, kept in (("beginning", 0, leads), ("middle", leads // 2, leads), ("end", leads, LEADS)):
        _finish(world, finished, kept)
        if name == "middle":
            _defer(world, leads // 5)
        few, many = _side_by_side(paused_world(LEADS), world)
        _show(tell, f"{LEADS} leads", few)
        _show(tell, f"{name} of {leads} leads", many)
        for figure, value in asdict(few).items():
            ratios[figure] = max(ratios.get(figure, 0), asdict(many)[figure] / value)
    note, own = f"worst of beginning, middle and end of {leads} leads over {LEADS}", ratios.pop("own_ms")
    dearest = max(ratios, key=lambda figure: ratios[figure])
    return [
        Row("campaign_dial_cost_ratio", ratios[dearest], note=f"{note}: {dearest}"),
        Row("campaign_dial_own_ratio", own, note=f"{note}: the engine's processor time"),
    ]


def _side_by_side(few: MeteredWorld, many: MeteredWorld) -> tuple[Cost, Cost]:
    """The cost of each dial, measured in turns, for the machine is slower at one time than at another; of the time the
    shortest counts."""
    gc.collect()
    gc.freeze()  # what the large world holds is not looked through for each dial
    rounds = [(_of_dials(few), _of_dials(many)) for _ in range(ROUNDS)]
    gc.unfreeze()
    return _typical([one for one, _ in rounds]), _typical([other for _, other in rounds])


def _typical(costs: Sequence[Cost]) -> Cost:
    known = {name: sum(asdict(cost)[name] for cost in costs) / len(costs) for name in asdict(costs[0])}
    return Cost(**known | {"own_ms": min(cost.own_ms for cost in costs)})


def _of_dials(world: MeteredWorld) -> Cost:
    """The cost of each of `DIALS` dials, with what it takes to start and to stop the campaign."""
    before, world.meter.cost = len(world.rings), Cost()
    with world.meter.counting(True):
        world._change(world.campaign_id, status="scheduled")
        while len(world.rings) - before < DIALS:
            assert world.time.next_at, "nothing is going to happen any more"
            world.time.sleep(max(0.001, (world.time.next_at - world.now).total_seconds()))
        world._change(world.campaign_id, status="paused")
        world.time.sleep(120)
    assert len(world.rings) - before == DIALS
    assert world.campaign().counts.calling == 0
    world.check_counts()
    return world.meter.cost.each(DIALS)


def _finish(world: MeteredWorld, until: int, kept: int) -> None:
    """End what waits of the leads up to a number, except for the last `kept`."""
    due = [entry for entry in _due(world) if entry[0].number <= until]
    campaign = world.campaign()
    for lead, due_at in due[: max(0, len(due) - kept)]:
        assert world.moves.skip(campaign, lead, due_at, "missing_variable: name")


def _defer(world: MeteredWorld, count: int) -> None:
    """Let the first of those that are due wait for tomorrow."""
    campaign = world.campaign()
    for lead, due_at in islice(_due(world), count):
        world.moves.defer(campaign, lead, due_at, world.now + timedelta(days=1))


def _due(world: MeteredWorld) -> Iterator[tuple[Lead, str]]:
    """The leads that could be called now, with their marks, in the order of their numbers."""
    campaign, now = world.campaign(), world.now.isoformat()
    for block in range(block_of(campaign.last_lead_number) + 1):
        for item in [*world.table.items[leads_pk(ORG, campaign.id, block)].values()]:
            if item["status"] == "pending" and item["timezone"] != CLOSED_ZONE and item["due_at"] <= now:
                yield lead_from_item(item, campaign), item["due_at"]


def _show(tell: Callable[[str], None], where: str, cost: Cost) -> None:
    told = ", ".join(f"{name} {value:.2f}" for name, value in asdict(cost).items())
    tell(f"  a dial, {where}: {told}")
