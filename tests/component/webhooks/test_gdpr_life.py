"""A gdpr_mode call from its ringing to its forgetting: what was said and who said it is looked for everywhere."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from functions.webhook_deliveries.replay import replay_delivery
from sovereign.analysis.reporting import write_report
from sovereign.calls.model import CallOutcome, CallRef, EndReason, Message
from sovereign.kernel import aws, settings
from sovereign.kernel.errors import GoneError
from sovereign.kernel.observe import GuardedFormatter, logger
from sovereign.kernel.table import Item, from_attributes
from sovereign.webhooks.delivery import DeliveryStatus
from tests.component.analysis.test_analyst import PLAN, ScriptedModel, analyse
from tests.component.bus.test_on_table_change import Reader, record
from tests.component.calls.harness import CALLER, ORG, OWN
from tests.component.webhooks.world import World

WORDS = ("my secret illness", "noted with discretion", "a summary nobody may keep", "diagnosed", "+31600000000")
SECRETS = (*WORDS, CALLER, OWN, CALLER[1:], OWN[1:])
FACTS = (1, 2, 3, 4)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything the platform logs, as it is written."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(GuardedFormatter())
    logger().addHandler(handler)
    yield stream
    logger().removeHandler(handler)


@pytest.fixture(autouse=True)
def _queue_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELIVERY_QUEUE_URL", world.queue_url)
    settings.read_environment.cache_clear()


def table_image() -> list[Item]:
    """Every item there is."""
    pages = aws.client("dynamodb").get_paginator("scan").paginate(TableName="sovereign")
    return [from_attributes(item) for page in pages for item in page["Items"]]


class Witness:
    """Looks for the call's words and numbers in everything that is kept or sent around, but the webhook itself."""

    def __init__(self, world: World, logged: io.StringIO) -> None:
        self.world, self.logged, self.reader = world, logged, Reader(world)

    def publish(self) -> None:
        for item in table_image():
            if "fact" in item and "due_shard" in item:
                self.reader.read(record(item))

    def look(self) -> None:
        self.publish()
        states = [json.dumps(event.detail) for event in self.reader.bus.events]  # `after_call` is started with these
        queued = [repr(attempt) for _, attempt in self.world.queue.waiting]
        kept = repr(table_image()) + repr(states) + repr(queued) + repr(self.world.dead()) + self.logged.getvalue()
        assert self.reader.bus.events, "there was something to look at"
        for secret in SECRETS:
            assert secret not in kept


def talk(world: World, witness: Witness) -> CallRef:
    """The call up to its report, which is written but not delivered."""
    ref = world.start_call(private=True, gdpr_mode=True, analysis_plan=PLAN)
    witness.look()
    world.calls.lifecycle.mark_answered(ref)
    world.calls.content.append_messages(ref, 0, [Message("user", WORDS[0]), Message("assistant", WORDS[1])])
    witness.look()
    world.clock.advance(seconds=30)
    transfer = {"destination": WORDS[4], "outcome": "failed"}
    world.calls.lifecycle.finish(ref, CallOutcome(end_reason=EndReason.USER_HANGUP, transfer=transfer))
    # the model's first answer does not fit the schema, nor does its second: the failure is logged
    analyse(world, ref, ScriptedModel(WORDS[2], f'{{"mood": "{WORDS[3]}"}}', f'{{"mood": "{WORDS[3]}"}}'))
    write_report(world.calls, ref)
    witness.look()
    return ref


def deliver(world: World, ref: CallRef) -> None:
    for sequence in FACTS:
        world.deliverer.deliver_fact(world.fact(ref, sequence))


def check_forgotten(world: World, ref: CallRef) -> None:
    """Nothing of the content is left, not even encrypted, and nothing can be sent again."""
    own = [item["sk"] for item in table_image() if item["pk"] == f"ORG#{ORG}#CALL#{ref.call_id}"]
    assert own, "facts and reservation stay"
    assert [sk for sk in own if sk.startswith(("GDPR", "BODY"))] == []
    whole = world.calls.content.load_whole(ref)
    assert (whole.messages, whole.summary, whole.analysis_result, whole.caller_phone) == (None,) * 4
    assert whole.transfer == {"outcome": "failed"}
    for sequence in FACTS:
        delivery = world.delivery(ref, sequence)
        assert {attempt.answer for attempt in delivery.attempts} == {None}
        with pytest.raises(GoneError):
            replay_delivery(world.table, ORG, delivery.ref.delivery_id)


def test_delivered_report_leaves_no_word_and_no_number(world: World, logged: io.StringIO) -> None:
    witness = Witness(world, logged)
    ref = talk(world, witness)
    world.sender.statuses = [500, 500, 500, 500]
    deliver(world, ref)
    witness.look()
    while world.run_queue():
        witness.look()
    told = [message for message in world.sender.messages if message["type"] == "end-of-call-report"]
    assert told[-1]["customer"]["number"] == CALLER
    assert [message["content"] for message in told[-1]["messages"]] == list(WORDS[:2])
    assert told[-1]["summary"] == WORDS[2]
    assert told[-1]["transfer"] == {"destination": WORDS[4], "outcome": "failed"}
    assert "analysis_error" in told[-1]
    assert "analysis_failed" in logged.getvalue()
    check_forgotten(world, ref)
    witness.look()


@pytest.mark.parametrize("status", [410, 500], ids=["the endpoint is gone", "every attempt failed"])
def test_report_that_is_given_up_leaves_none_either(world: World, logged: io.StringIO, status: int) -> None:
    witness = Witness(world, logged)
    ref = talk(world, witness)
    world.sender.statuses = [status] * 100
    deliver(world, ref)
    witness.look()
    for _ in range(40):
        if not world.run_queue():
            due = [world.delivery(ref, sequence) for sequence in FACTS]
            waiting = [d for d in due if d.status is DeliveryStatus.PENDING]
            if not waiting:
                break
            world.clock.advance(hours=11)
            witness.reader.sweep.run(lambda: 50.0)
    assert {world.delivery(ref, sequence).status for sequence in FACTS} == {DeliveryStatus.FAILED}
    check_forgotten(world, ref)
    witness.look()
