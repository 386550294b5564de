"""The engine step by step: what a claim holds, what stops it, and how news changes nothing twice."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from functions.campaign_tasks.news import hear
from sovereign.calls import keys
from sovereign.calls.load import trunk_calls
from sovereign.calls.model import CallOutcome, CallRef, EndReason
from sovereign.campaigns.lead import NewLead
from sovereign.campaigns.model import Campaign
from sovereign.campaigns.pacing import BURST_MS, Pace
from sovereign.campaigns.progress import progress_of
from sovereign.campaigns.runner import IDLE
from sovereign.campaigns.template import MissingVariableError, fill
from sovereign.campaigns.waiting import WaitingLeads
from sovereign.do_not_call import DoNotCallStore, Listing
from sovereign.kernel.table import Ref
from tests.component.calls.harness import ORG
from tests.component.campaigns.simulation.world import World
from tests.component.campaigns.stepping import attend, call_is_busy, leads, placed, taken


def test_claim_commits_lead_call_and_link_together(world: World) -> None:
    ref = placed(world)[0]
    lead = next(lead for lead in leads(world) if lead.call_id == ref.call_id)
    assert (lead.status, lead.attempts) == ("calling", 1)
    assert world.calls.rows.get(ref).caller_phone == lead.phone_number
    link = world.table.get(Ref(f"ORG#{ORG}#CALL#{ref.call_id}", "CAMPAIGN"))
    assert link
    assert (link["campaign_id"], link["lead_id"]) == (world.campaign_id, lead.id)


@pytest.mark.parametrize("status", ["paused", "cancelled"])
def test_no_call_is_committed_after_a_stop_was_answered(world: World, status: str) -> None:
    generation, dialled = attend(world), 0

    def stop_after_two(_ref: CallRef) -> None:
        nonlocal dialled
        dialled += 1
        if dialled == 2:
            world.campaigns.update(ORG, world.campaign_id, {"status": status})

    world._hand_over = stop_after_two  # type: ignore[method-assign]
    assert world.runner_of().run(ORG, world.campaign_id, generation).next == "done"
    assert dialled == 2
    world.check_counts()


def test_campaign_without_a_media_node_says_why_and_goes_on_when_one_is_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = attend(world)
    with monkeypatch.context() as without:
        without.setattr(world, "_nodes", list)
        turn = world.runner_of().run(ORG, world.campaign_id, generation)
    assert (turn.next, turn.until) == ("wait", world.now + IDLE)
    assert progress_of(world.campaign(), world.now)["hold"] == "no_capacity"
    world.runner_of().run(ORG, world.campaign_id, generation)
    assert progress_of(world.campaign(), world.now)["hold"] is None
    assert world.campaign().run.dialled


def test_campaign_that_is_deleted_between_two_turns_rings_nobody_any_more(world: World) -> None:
    generation = attend(world)
    world.campaigns.delete(ORG, world.campaign_id)
    assert world.runner_of().run(ORG, world.campaign_id, generation).next == "done"
    assert world.attendance.sweep() == 0
    assert not world.rings


def test_place_on_a_trunk_comes_back_when_a_lost_call_is_ended(world: World) -> None:
    (ref, *_) = placed(world)  # committed, but no node ever hears of it
    calls, counter = trunk_calls(world.trunk.id), keys.counter_ref(ORG)
    before = (world.table.get(counter) or {})[calls]
    world.calls.lifecycle.finish(ref, CallOutcome(end_reason=EndReason.DIAL_FAILED), unclaimed_only=True)
    assert (world.table.get(counter) or {})[calls] == before - 1


def test_execution_of_an_older_generation_does_nothing(world: World) -> None:
    older = attend(world)
    world.now += timedelta(minutes=3)
    assert world.attendance.sweep() == 1
    assert world.runner_of().run(ORG, world.campaign_id, older).next == "done"
    assert not world.rings


def test_execution_that_lives_is_left_alone_and_one_that_died_is_replaced(world: World) -> None:
    attend(world)
    assert world.attendance.sweep() == 0
    world.now += timedelta(seconds=61)
    assert world.attendance.sweep() == 1


def test_number_listed_after_it_was_read_is_skipped(world: World) -> None:
    for lead in leads(world):
        DoNotCallStore(world.table).add(ORG, Listing.model_construct(phone_number=lead.phone_number, reason=None))
    assert not placed(world)
    assert {(lead.status, lead.outcome) for lead in leads(world)} == {("skipped", "do_not_call")}
    assert world.campaign().status == "completed"


def test_end_that_is_told_twice_late_or_of_another_call_changes_nothing(world: World) -> None:
    ref = placed(world)[0]
    assert not world.moves.call_ended(ORG, ref.call_id), "it is not over yet"
    world.calls.lifecycle.finish(ref, CallOutcome(end_reason=EndReason.DIAL_BUSY))
    assert world.moves.call_ended(ORG, ref.call_id)
    before = leads(world)
    assert not world.moves.call_ended(ORG, ref.call_id)
    assert not world.moves.call_ended(ORG, "call-outbound-000000000000")
    assert leads(world) == before
    world.check_counts()


def test_lost_news_is_made_up_for_by_looking(world: World) -> None:
    refs = taken(world)
    for ref in refs:
        world.calls.lifecycle.finish(ref, CallOutcome(end_reason=EndReason.OPT_OUT))
    world.now += timedelta(minutes=4)
    world.moves.ask_overdue(world.campaign())
    assert {lead.outcome for lead in leads(world) if lead.attempts} == {"opt_out"}


def test_lead_that_speaks_with_a_second_leg_is_still_being_called(world: World) -> None:
    ref = taken(world)[0]
    world.calls.lifecycle.mark_answered(ref)
    assert world.calls.lifecycle.mark_transferred(ref, {"destination": "+31201234567", "outcome": "succeeded"})
    world.now += timedelta(minutes=4)
    world.moves.ask_overdue(world.campaign())
    assert next(lead for lead in leads(world) if lead.call_id == ref.call_id).status == "calling"
    world.calls.lifecycle.finish(ref, CallOutcome(end_reason=EndReason.TRANSFERRED))
    assert world.moves.call_ended(ORG, ref.call_id)
    assert next(lead for lead in leads(world) if lead.call_id == ref.call_id).outcome == "answered"


def test_news_that_cannot_be_read_comes_again_alone(world: World) -> None:
    ref = placed(world)[0]
    world.calls.lifecycle.finish(ref, CallOutcome(end_reason=EndReason.USER_HANGUP))
    detail = {"org_id": ORG, "call_id": ref.call_id}
    records = [
        {"messageId": "1", "body": "no JSON"},
        {"messageId": "2", "body": json.dumps({"detail-type": "call.ended", "detail": detail})},
    ]
    assert hear(records, world.moves, world.attendance) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert next(lead for lead in leads(world) if lead.call_id == ref.call_id).status != "calling"


def test_campaign_whose_leads_were_all_removed_is_completed(world: World) -> None:
    for lead in leads(world):
        world.leads.remove(ORG, world.campaign_id, lead.id)
    assert not placed(world)
    assert world.campaign().status == "completed"


def test_campaign_that_never_had_a_lead_waits_for_its_first(world: World) -> None:
    empty = world.campaigns.create(ORG, world.campaign().settings)
    world.campaigns.update(ORG, empty.id, {"status": "scheduled"})
    assert world.attendance.see_to(ORG, empty.id)
    assert world.runner_of().run(ORG, empty.id, 1).next == "wait"
    assert world.campaigns.get(ORG, empty.id).status == "scheduled"


def test_lead_added_while_the_engine_decides_to_wait_is_called_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = NewLead.model_construct(phone_number="+31207654321", variables={}, timezone=None)
    look = WaitingLeads.next_due

    def added_meanwhile(waiting: WaitingLeads, campaign: Campaign, zones: Sequence[str]) -> datetime | None:
        found = look(waiting, campaign, zones)
        monkeypatch.undo()
        world.now += timedelta(milliseconds=1)
        world.leads.add(ORG, world.campaign_id, [late])
        return found

    world.campaigns.update(ORG, world.campaign_id, {"retry": {"max_attempts": 2, "delay_minutes": 600}})
    world._hand_over = lambda ref: call_is_busy(world, ref)  # type: ignore[method-assign]
    monkeypatch.setattr(WaitingLeads, "next_due", added_meanwhile)
    generation = attend(world)
    while (turn := world.runner_of().run(ORG, world.campaign_id, generation)).next == "again":
        world.now += timedelta(seconds=1)
    assert turn.next == "wait"
    assert [lead.attempts for lead in leads(world) if lead.phone_number == late.phone_number] == [1]


def test_wait_for_a_retry_ends_when_another_zone_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEFAULT_PROVIDERS", "local")
    world, opens_at = World(3, calm=True, leads=2), datetime(2026, 11, 11, 10, tzinfo=UTC)
    world.now = opens_at - timedelta(minutes=4)
    window = {"timezone": "UTC", "schedule_start_time": "09:00", "schedule_end_time": "20:00", "calls_per_second": 1}
    retry = {"max_attempts": 2, "delay_minutes": 600}
    world.campaigns.update(ORG, world.campaign_id, {**window, "retry": retry})
    west = NewLead.model_construct(phone_number="+31207654321", variables={}, timezone="Etc/GMT+1")
    world.leads.add(ORG, world.campaign_id, [west])
    world.now += timedelta(minutes=1)
    world.campaigns.update(ORG, world.campaign_id, {"status": "scheduled"})
    world._hand_over = lambda ref: call_is_busy(world, ref)  # type: ignore[method-assign]
    turn = world.runner_of().run(ORG, world.campaign_id, attend(world))
    assert (turn.next, turn.until) == ("wait", opens_at)


def test_facts_of_a_whole_campaign_are_told_once_each(world: World) -> None:
    campaign = World(5, calm=True)
    campaign.run()
    partition = campaign.table.items[f"ORG#{ORG}#CAMPAIGN#{campaign.campaign_id}"]
    facts = [item["fact"] for sk, item in sorted(partition.items()) if sk.startswith("FACT#")]
    assert facts.count("campaign.started") == facts.count("campaign.completed") == 1
    assert facts.count("campaign.lead.finished") == campaign.campaign().counts.total


def test_pace_catches_up_a_second_at_most() -> None:
    pace = Pace(next_ms=10_000, calls_per_second=2)
    assert (pace.wait_ms(9_000), pace.wait_ms(20_000)) == (1_000, 0)
    assert pace.after_call(10_100) == 10_500
    assert pace.after_call(60_000) == 60_000 - BURST_MS + 500


def test_template_takes_values_as_they_are_and_names_what_is_missing() -> None:
    assert fill("Hi {{name}}, {{ the day }}: {x}", {"name": "{{y}}", "the day": "Monday"}) == "Hi {{y}}, Monday: {x}"
    with pytest.raises(MissingVariableError) as missing:
        fill("Hi {{name}}", {})
    assert missing.value.name == "name"
