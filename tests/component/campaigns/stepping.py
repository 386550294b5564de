"""The engine of a simulated world taken step by step."""

from sovereign.calls.model import CallOutcome, CallRef, EndReason
from sovereign.campaigns.lead import Lead
from tests.component.calls.harness import ORG
from tests.component.campaigns.simulation.world import World


def attend(world: World) -> int:
    assert world.attendance.see_to(ORG, world.campaign_id)
    return world.campaign().run.generation


def leads(world: World) -> list[Lead]:
    return list(world.leads.page(ORG, world.campaign_id, limit=1000, offset=0).leads)


def placed(world: World) -> list[CallRef]:
    made: list[CallRef] = []

    def keep(ref: CallRef) -> None:
        made.append(ref)

    world._hand_over = keep  # type: ignore[method-assign]
    world.runner_of().run(ORG, world.campaign_id, attend(world))
    return made


def taken(world: World) -> list[CallRef]:
    """Calls of a turn that a node has claimed."""
    made: list[CallRef] = []

    def take(ref: CallRef) -> None:
        assert world.calls.lifecycle.claim_dial(ref, "node")
        made.append(ref)

    world._hand_over = take  # type: ignore[method-assign]
    world.runner_of().run(ORG, world.campaign_id, attend(world))
    return made


def call_is_busy(world: World, ref: CallRef) -> None:
    world.calls.lifecycle.claim_dial(ref, "node")
    world.calls.lifecycle.finish(ref, CallOutcome(end_reason=EndReason.DIAL_BUSY))
    world.moves.call_ended(ORG, ref.call_id)
