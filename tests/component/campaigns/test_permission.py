"""Whether a call that a node took long to get ready may still ring."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest

from sovereign.calls.model import CallRef
from sovereign.campaigns.items import lead_ref
from sovereign.campaigns.permission import may_ring
from sovereign.do_not_call import entry_ref
from sovereign.kernel.ids import new_id
from tests.component.calls.harness import ORG
from tests.component.campaigns.simulation.world import World
from tests.component.campaigns.stepping import leads, placed

WEEK = list(range(7))
Change = Callable[[World, CallRef], object]


@pytest.fixture
def ref(world: World) -> CallRef:
    return placed(world)[0]


def ours(world: World, ref: CallRef) -> str:
    return next(lead.phone_number for lead in leads(world) if lead.call_id == ref.call_id)


def list_number(world: World, ref: CallRef) -> None:
    entry = entry_ref(ORG, ours(world, ref))
    assert entry
    world.table.items.setdefault(entry.pk, {})[entry.sk] = entry._asdict()


def move_lead(world: World, ref: CallRef) -> None:
    lead = next(lead for lead in leads(world) if lead.call_id == ref.call_id)
    key = lead_ref(ORG, world.campaign_id, lead.id)
    world.table.items[key.pk][key.sk]["timezone"] = "Nowhere/Atlantis"


def test_a_call_whose_campaign_still_calls_may(world: World, ref: CallRef) -> None:
    assert may_ring(world.table, ref, world.now)


@pytest.mark.parametrize(
    "change",
    [
        lambda world, ref: world.campaigns.update(ORG, world.campaign_id, {"status": "paused"}),
        lambda world, ref: world.campaigns.update(ORG, world.campaign_id, {"status": "cancelled"}),
        list_number,
        move_lead,
    ],
    ids=["paused", "cancelled", "listed", "unknown zone"],
)
def test_what_changed_meanwhile_counts(world: World, ref: CallRef, change: Change) -> None:
    change(world, ref)
    assert not may_ring(world.table, ref, world.now)


def test_a_window_that_closed_meanwhile_counts(world: World, ref: CallRef) -> None:
    world.campaigns.update(
        ORG, world.campaign_id, {"schedule_start_time": "09:00", "schedule_end_time": "17:00", "schedule_days": WEEK}
    )
    lead = next(lead for lead in leads(world) if lead.call_id == ref.call_id)
    zone = ZoneInfo(lead.timezone or world.campaign().settings.timezone)
    noon = world.now.astimezone(zone).replace(hour=12)
    assert may_ring(world.table, ref, noon)
    assert not may_ring(world.table, ref, noon.replace(hour=17, minute=1))


def test_a_campaign_that_is_gone_calls_nobody(world: World, ref: CallRef) -> None:
    world.table.items.pop(lead_ref(ORG, world.campaign_id, leads(world)[0].id).pk)
    assert not may_ring(world.table, ref, world.now)


def test_a_call_of_no_campaign_is_nobodys_to_forbid(world: World) -> None:
    assert may_ring(world.table, CallRef(ORG, new_id(), 1), world.now)
