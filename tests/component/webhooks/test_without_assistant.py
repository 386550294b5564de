from sovereign.calls.model import CallOutcome, EndReason
from sovereign.webhooks.targets import WebhookSettings
from tests.component.calls.harness import new_call
from tests.component.webhooks.world import World


def test_a_call_that_never_had_an_assistant_is_reported_to_the_account(world: World) -> None:
    world.accounts.webhook = WebhookSettings("https://account.example/", None, None)
    ref = world.calls.starts.create(new_call(ringing=True)).ref
    world.calls.lifecycle.finish(ref, CallOutcome(end_reason=EndReason.NO_ASSISTANT))
    world.calls.lifecycle.write_report(ref)
    for sequence in (1, 2, 3):
        world.deliverer.deliver_fact(world.fact(ref, sequence))
    assert [message["type"] for message in world.sender.messages] == ["status-update"] * 2 + ["end-of-call-report"]
    assert world.sender.messages[-1]["end_reason"] == "no_assistant"
