"""A webhook secret that is replaced while calls run and retries wait."""

from datetime import timedelta

from sovereign.kernel.signing import ROTATION_OVERLAP, SigningSecret
from tests.component.webhooks.world import SECRET, World

ASSISTANT = "77777777-7777-4777-8777-777777777777"


def signing_now(world: World) -> tuple[str, ...]:
    """What signs the latest request."""
    secret = world.sender.sent[-1][1].secret
    assert secret is not None
    return secret.active(world.clock())


def test_a_call_that_began_before_a_rotation_is_signed_with_both_then_with_the_newest(world: World) -> None:
    ref = world.start_call(assistant_id=ASSISTANT)
    world.sender.statuses = [500]
    world.deliverer.deliver_fact(world.fact(ref, 1))
    assert signing_now(world) == (SECRET,)
    world.secrets.saved[ASSISTANT] = SigningSecret("whsec_new", SECRET, world.clock())
    world.run_queue()
    assert signing_now(world) == ("whsec_new", SECRET)
    world.clock.advance(seconds=ROTATION_OVERLAP / timedelta(seconds=1))
    assert signing_now(world) == ("whsec_new",)


def test_a_secret_the_call_got_elsewhere_stays_its_own(world: World) -> None:
    ref = world.start_call(assistant_id=ASSISTANT, webhook_secret="whsec_of_an_override")
    world.secrets.saved[ASSISTANT] = SigningSecret("whsec_new", SECRET, world.clock())
    world.deliverer.deliver_fact(world.fact(ref, 1))
    assert signing_now(world) == ("whsec_of_an_override",)
