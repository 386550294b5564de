"""Which attempts at a lead count, and what one costs the lead and its number."""

from datetime import time, timedelta
from zoneinfo import ZoneInfo

import pytest

from sovereign.calls.model import CallOutcome, CallRef, EndReason
from sovereign.campaigns.items import lead_ref
from sovereign.kernel.clock import from_wire
from tests.component.calls.harness import ORG
from tests.component.campaigns.simulation.world import World
from tests.component.campaigns.stepping import call_is_busy, leads, placed, taken


@pytest.mark.parametrize(("letter", "times"), [("a", 500), ("\u0436", 250)])
def test_lead_whose_filled_message_no_call_can_keep_is_skipped_and_stops_nobody_else(
    world: World, letter: str, times: int
) -> None:
    first, *_ = leads(world)
    for lead in leads(world):
        item = world.table.items[lead_ref(ORG, world.campaign_id, lead.id).pk][f"LEAD#{lead.number:012d}"]
        item["variables"] = {"x": letter * (1000 if lead.id == first.id else 1)}
    world.campaigns.update(ORG, world.campaign_id, {"system_message_template": "{{x}}" * times})
    assert placed(world)
    skipped = {lead.id: lead.outcome for lead in leads(world) if lead.status == "skipped"}
    assert skipped == {first.id: "message_too_long"}


def test_number_is_called_no_more_often_a_day_than_it_may_be(world: World) -> None:
    retry = {"max_attempts": 3, "delay_minutes": 1, "max_attempts_per_day": 1}
    world.campaigns.update(ORG, world.campaign_id, {"retry": retry})
    world._hand_over = lambda ref: call_is_busy(world, ref)  # type: ignore[method-assign]
    zone = ZoneInfo(world.campaign().settings.timezone)
    world._change(world.campaign_id, status="scheduled")
    world._sweep()
    world.time.sleep(1800)
    assert {lead.attempts for lead in leads(world)} == {1}
    items = (world.table.get(lead_ref(ORG, world.campaign_id, lead.id)) for lead in leads(world))
    due = {item["due_at"] for item in items if item}
    assert {from_wire(at).astimezone(zone).time() for at in due} == {time(0)}


@pytest.mark.parametrize("retry", [{"max_attempts": 1}, {"max_attempts": 3, "busy": {"retry": False}}])
def test_lead_that_waits_for_an_attempt_it_would_not_get_any_more_ends_unrung(
    world: World, retry: dict[str, object]
) -> None:
    world.campaigns.update(ORG, world.campaign_id, {"retry": {"max_attempts": 3, "delay_minutes": 30}})
    for ref in placed(world):
        call_is_busy(world, ref)
    waiting = [lead for lead in leads(world) if lead.attempts]
    world.campaigns.update(ORG, world.campaign_id, {"retry": retry, "calls_per_second": 10})
    world.now += timedelta(hours=1)
    rung = placed(world)
    assert waiting
    assert len(rung) == len(leads(world)) - len(waiting)
    ended = {(lead.status, lead.outcome, lead.attempts) for lead in leads(world) if lead in waiting or lead.call_id}
    assert ended - {("calling", None, 1)} == {("failed", "busy", 1)}
    world.check_counts()


def test_nobody_rung_means_the_attempt_does_not_count(world: World) -> None:
    ref = placed(world)[0]
    world.calls.lifecycle.finish(ref, CallOutcome(end_reason=EndReason.NO_CAPACITY))
    world.moves.call_ended(ORG, ref.call_id)
    lead = next(lead for lead in leads(world) if lead.call_id == ref.call_id)
    assert (lead.status, lead.attempts, lead.outcome) == ("pending", 0, None)


def test_lead_whose_call_no_node_took_is_not_lost_with_its_only_attempt(world: World) -> None:
    world.campaigns.update(ORG, world.campaign_id, {"retry": {"max_attempts": 1}})
    ref = placed(world)[0]
    world.calls.lifecycle.finish(ref, CallOutcome(end_reason=EndReason.DIAL_FAILED), unclaimed_only=True)
    world.moves.call_ended(ORG, ref.call_id)
    lead = next(lead for lead in leads(world) if lead.call_id == ref.call_id)
    assert (lead.status, lead.attempts, lead.unrung) == ("pending", 0, 1)


def test_lead_of_a_claimed_call_that_may_have_rung_uses_its_attempt(world: World) -> None:
    world.campaigns.update(ORG, world.campaign_id, {"retry": {"max_attempts": 1}})
    ref = taken(world)[0]
    world.calls.lifecycle.finish(ref, CallOutcome(end_reason=EndReason.SHUTDOWN))
    world.moves.call_ended(ORG, ref.call_id)
    lead = next(lead for lead in leads(world) if lead.call_id == ref.call_id)
    assert (lead.status, lead.outcome, lead.attempts) == ("failed", "failed", 1)


def test_calls_that_rang_nobody_do_not_use_up_the_day_of_a_number(world: World) -> None:
    world.campaigns.update(ORG, world.campaign_id, {"retry": {"max_attempts_per_day": 1}})
    turned_away = 0

    def turn_away_twice(ref: CallRef) -> None:
        nonlocal turned_away
        turned_away += 1
        if turned_away <= 2 * len(leads(world)):
            world._end(ref, EndReason.NO_CAPACITY)
        else:
            World._hand_over(world, ref)

    world._hand_over = turn_away_twice  # type: ignore[method-assign]
    began = world.now
    world.run()
    assert len(world.rings) == len(leads(world))
    assert world.now - began < timedelta(hours=1)


def test_lead_that_can_never_be_rung_ends_with_its_attempts_used(world: World) -> None:
    world.campaigns.update(ORG, world.campaign_id, {"retry": {"max_attempts": 1}})
    world._hand_over = lambda ref: world._end(ref, EndReason.NO_CAPACITY)  # type: ignore[method-assign]
    world.run()
    assert {(lead.status, lead.attempts, lead.unrung) for lead in leads(world)} == {("failed", 1, 0)}
    assert not world.rings
