"""What leads that are added while a campaign runs cost, and that they are called all the same."""

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from sovereign.campaigns.lead import NewLead
from tests.component.calls.harness import ORG
from tests.component.campaigns.simulation.world import World
from tests.component.campaigns.stepping import call_is_busy, leads

WORK_AND_DECIDE = 2


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A campaign whose leads are all busy, and tried again ten hours later."""
    monkeypatch.setenv("DEFAULT_PROVIDERS", "local")
    made = World(3, calm=True, leads=3)
    made.campaigns.update(ORG, made.campaign_id, {"retry": {"max_attempts": 2, "delay_minutes": 600}})
    made._hand_over = lambda ref: call_is_busy(made, ref)  # type: ignore[method-assign]
    yield made
    made.time.end()


def start(world: World) -> None:
    world._change(world.campaign_id, status="scheduled")
    each_minute(world)
    world.time.sleep(120)


def each_minute(world: World) -> None:
    world.attendance.sweep()
    world.time.after(60, lambda: each_minute(world))


def add_one(world: World) -> None:
    number = f"+3120{len(leads(world)):07d}"
    world.leads.add(ORG, world.campaign_id, [NewLead.model_construct(phone_number=number, variables={}, timezone=None)])


def add_steadily(world: World, minutes: int, *, seconds: float) -> float:
    """Transitions a minute meanwhile."""
    turns, waits = world.turns, world.waits
    for _ in range(int(minutes * 60 / seconds)):
        add_one(world)
        world.time.sleep(seconds)
    return ((world.turns - turns) * WORK_AND_DECIDE + world.waits - waits) / minutes


@pytest.mark.parametrize("seconds", [7, 50, 130])
def test_leads_that_keep_coming_cost_three_transitions_a_minute_and_are_called(world: World, seconds: float) -> None:
    start(world)
    add_steadily(world, 10, seconds=seconds)
    assert add_steadily(world, 60, seconds=seconds) <= 3
    world.time.sleep(130)
    assert {lead.attempts for lead in leads(world)} == {1}


def test_leads_added_while_it_is_closed_start_nothing_and_are_called_when_it_opens(world: World) -> None:
    opens = world.now.astimezone(ZoneInfo(world.campaign().settings.timezone)) + timedelta(hours=2)
    closes = opens + timedelta(hours=4)
    window = {"schedule_start_time": f"{opens:%H:%M}", "schedule_end_time": f"{closes:%H:%M}"}
    world.campaigns.update(ORG, world.campaign_id, window)
    start(world)
    assert add_steadily(world, 60, seconds=20) == 0
    assert not any(lead.attempts for lead in leads(world))
    world.time.sleep(2 * 3600)
    assert {lead.attempts for lead in leads(world)} == {1}


def test_lead_of_a_zone_that_is_open_wakes_a_campaign_that_waits_for_its_own(world: World) -> None:
    opens = world.now + timedelta(hours=2)
    window = {"schedule_start_time": f"{opens:%H:%M}", "schedule_end_time": f"{opens + timedelta(hours=4):%H:%M}"}
    world.campaigns.update(ORG, world.campaign_id, window | {"timezone": "UTC"})
    start(world)
    east = NewLead.model_construct(phone_number="+31209999999", variables={}, timezone="Asia/Kathmandu")
    world.leads.add(ORG, world.campaign_id, [east])
    world.time.sleep(130)
    assert [lead.phone_number for lead in leads(world) if lead.attempts] == [east.phone_number]


def test_lead_added_after_a_lull_is_called_within_two_minutes(world: World) -> None:
    start(world)
    world.time.sleep(1500)
    add_one(world)
    world.time.sleep(120)
    assert {lead.attempts for lead in leads(world)} == {1}
