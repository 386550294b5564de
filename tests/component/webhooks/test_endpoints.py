import pytest

from sovereign.webhooks.endpoints import (
    DISABLED_AFTER,
    HEALTHY_SLOTS,
    SLOW_SLOTS,
    EndpointBusyError,
    EndpointDisabledError,
    enable_endpoint,
)
from tests.component.calls.harness import ORG, OTHER_ORG
from tests.component.webhooks.world import URL, World


def taken(world: World, org_id: str = ORG, url: str = URL) -> int:
    """How many slots can be taken now."""
    for count in range(HEALTHY_SLOTS + 1):
        try:
            world.endpoints.acquire(org_id, url)
        except EndpointBusyError:
            return count
    return HEALTHY_SLOTS + 1


def test_an_endpoint_has_its_share_and_takes_none_of_anothers(world: World) -> None:
    assert taken(world) == HEALTHY_SLOTS
    assert taken(world, url="https://other.example/") == HEALTHY_SLOTS
    assert taken(world, org_id=OTHER_ORG) == HEALTHY_SLOTS


@pytest.mark.parametrize(("succeeded", "slow"), [(False, False), (True, True)])
def test_a_slow_or_failing_endpoint_has_few_slots_until_it_recovers(world: World, succeeded: bool, slow: bool) -> None:
    world.endpoints.release(world.endpoints.acquire(ORG, URL), succeeded=succeeded, slow=slow)
    assert taken(world) == SLOW_SLOTS
    world.clock.advance(minutes=1)
    world.endpoints.release(world.endpoints.acquire(ORG, URL), succeeded=True, slow=False)
    assert taken(world) == HEALTHY_SLOTS


def test_slots_of_a_crash_are_free_again_in_time(world: World) -> None:
    taken(world)
    world.clock.advance(seconds=41)
    assert taken(world) == HEALTHY_SLOTS


def test_a_slot_given_back_unused_says_nothing_of_the_endpoint(world: World) -> None:
    world.endpoints.give_back(world.endpoints.acquire(ORG, URL))
    assert taken(world) == HEALTHY_SLOTS


def test_one_success_within_five_days_keeps_it_on(world: World) -> None:
    for succeeded in (False, False, True, False, False):
        slot = world.endpoints.acquire(ORG, URL)
        world.endpoints.release(slot, succeeded=succeeded, slow=False)
        world.clock.advance(seconds=DISABLED_AFTER.total_seconds() / 2)
    world.endpoints.acquire(ORG, URL)


def test_timeout_beside_an_answer_does_not_switch_off_the_endpoint_that_answered(world: World) -> None:
    world.endpoints.release(world.endpoints.acquire(ORG, URL), succeeded=False, slow=False)
    world.clock.advance(seconds=DISABLED_AFTER.total_seconds())
    answered, timed_out = (world.endpoints.acquire(ORG, URL) for _ in range(2))
    world.endpoints.release(answered, succeeded=True, slow=False)
    world.endpoints.release(timed_out, succeeded=False, slow=True)
    next_slot = world.endpoints.acquire(ORG, URL)
    assert next_slot.failing_since is None
    world.endpoints.release(next_slot, succeeded=False, slow=False)
    assert world.endpoints.acquire(ORG, URL).failing_since == world.clock()


def test_saving_the_url_again_switches_it_on(world: World) -> None:
    for _ in range(2):
        slot = world.endpoints.acquire(ORG, URL)
        world.endpoints.release(slot, succeeded=False, slow=False)
        world.clock.advance(seconds=DISABLED_AFTER.total_seconds())
    with pytest.raises(EndpointDisabledError):
        world.endpoints.acquire(ORG, URL)
    world.table.transact([enable_endpoint(ORG, URL)])
    world.endpoints.acquire(ORG, URL)
