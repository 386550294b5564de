"""Calls, queues and a scripted sender: everything a delivery touches, without a socket."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sovereign.assistants import EffectiveAssistant
from sovereign.assistants.settings import AssistantMembers
from sovereign.calls.model import CallOutcome, CallRef, EndReason, Message
from sovereign.calls.store import CallStore
from sovereign.catalog.problems import validate
from sovereign.kernel import aws
from sovereign.kernel.signing import SigningSecret
from sovereign.kernel.table import Table
from sovereign.webhooks.deliverer import Deliverer
from sovereign.webhooks.delivery import Attempt, AttemptResult, Delivery
from sovereign.webhooks.delivery_store import DeliveryStore
from sovereign.webhooks.endpoints import EndpointStore
from sovereign.webhooks.facts import FactNotice, FactOrder
from sovereign.webhooks.frozen_bodies import FrozenBodies
from sovereign.webhooks.queue import DeliveryQueue, QueuedAttempt
from sovereign.webhooks.rendering import FactRenderer
from sovereign.webhooks.targets import WebhookSettings, WebhookTarget
from tests.component.calls.harness import ORG, FakeClock, ReversibleCipher, new_call

URL = "https://customer.example/hook"
SECRET = "whsec_c2VjcmV0LXNlY3JldA=="
CIPHER: Any = ReversibleCipher()


@dataclass
class ScriptedSender:
    """Answers with the given statuses, then 200 for ever; keeps what was sent."""

    clock: FakeClock
    statuses: list[int] = field(default_factory=list)
    sent: list[tuple[str, WebhookTarget, bytes]] = field(default_factory=list)
    retry_after: timedelta | None = None
    during: Callable[[], None] = lambda: None

    def send(self, delivery: Delivery, target: WebhookTarget, body: bytes) -> AttemptResult:
        self.sent.append((delivery.ref.delivery_id, target, body))
        self.during()
        status = self.statuses.pop(0) if self.statuses else 200
        attempt = Attempt(self.clock(), 12, status=status, answer=None if delivery.private else "ok")
        return AttemptResult(attempt, retry_after=self.retry_after, gone=status == 410)

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(body)["message"] for _, _, body in self.sent]


class Accounts:
    def __init__(self) -> None:
        self.webhook: WebhookSettings | None = None

    def of(self, org_id: str) -> WebhookSettings | None:
        return self.webhook


class Secrets:
    """What saved assistants sign with now, by id."""

    def __init__(self) -> None:
        self.saved: dict[str, SigningSecret] = {}

    def of(self, org_id: str, assistant_id: str) -> SigningSecret | None:
        return self.saved.get(assistant_id)


class Names:
    def name_of(self, org_id: str, number_id: str) -> str | None:
        return "Front desk"


class World:
    def __init__(self, table: Table, clock: FakeClock) -> None:
        self.table, self.clock = table, clock
        sqs = aws.client("sqs")
        self.queue_url = sqs.create_queue(QueueName="deliveries")["QueueUrl"]
        self.dead_url = sqs.create_queue(QueueName="dead")["QueueUrl"]
        self.calls = CallStore(table, clock, cipher=CIPHER)
        self.sender = ScriptedSender(clock)
        self.accounts = Accounts()
        self.secrets = Secrets()
        self.deliveries = DeliveryStore(table, clock)
        self.order = FactOrder(table)
        self.endpoints = EndpointStore(table, clock)
        self.bodies = FrozenBodies(table, CIPHER)
        self.queue = RecordingQueue(self.queue_url, self.dead_url)
        renderer = FactRenderer(
            calls=self.calls,
            accounts=self.accounts,
            secrets=self.secrets,
            numbers=Names(),
            cipher=CIPHER,
            clock=clock,
        )
        self.deliverer = Deliverer(
            calls=self.calls,
            renderer=renderer,
            deliveries=self.deliveries,
            order=self.order,
            endpoints=self.endpoints,
            bodies=self.bodies,
            sender=self.sender,  # type: ignore[arg-type]  # it has the one method that is used
            queue=self.queue,
            clock=clock,
        )

    def start_call(self, *, private: bool = False, assistant_id: str | None = None, **members: Any) -> CallRef:
        """A ringing inbound call with an assistant that has a webhook; a transient one unless its id is given."""
        call = new_call(ringing=True, private=private)
        frozen = frozen_assistant(call.call_id, assistant_id=assistant_id, **members)
        return self.calls.starts.create(call, frozen_assistant=frozen).ref

    def end_call(self, ref: CallRef, *, messages: list[Message] | None = None) -> None:
        self.calls.lifecycle.mark_answered(ref)
        self.calls.content.append_messages(
            ref, 0, messages or [Message("user", "Hello"), Message("assistant", "Good day")]
        )
        self.clock.advance(seconds=30)
        self.calls.lifecycle.finish(ref, CallOutcome(end_reason=EndReason.USER_HANGUP))

    def fact(self, ref: CallRef, sequence: int) -> FactNotice:
        fact = self.order.load(ref, sequence)
        assert fact is not None
        return fact

    def delivery(self, ref: CallRef, sequence: int) -> Delivery:
        delivery = self.deliveries.get(self.fact(ref, sequence).delivery_ref)
        assert delivery is not None
        return delivery

    def run_queue(self) -> int:
        """Deliver what was queued, moving the clock to where each message becomes visible; returns how many."""
        waiting, self.queue.waiting = self.queue.waiting, []
        for delay, queued in sorted(waiting, key=lambda entry: entry[0]):
            self.clock.now = max(self.clock.now, delay)
            self.deliverer.deliver_queued(queued)
        return len(waiting)

    def dead(self) -> list[dict[str, Any]]:
        answer = aws.client("sqs").receive_message(QueueUrl=self.dead_url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


class RecordingQueue(DeliveryQueue):
    """Sends for real (moto), and remembers when each message becomes visible by the clock of the test."""

    def __init__(self, url: str, dead_url: str) -> None:
        super().__init__(url, dead_url)
        self.waiting: list[tuple[Any, QueuedAttempt]] = []
        self.clock: FakeClock | None = None

    def put(self, attempt: QueuedAttempt, *, delay: timedelta = timedelta(0)) -> None:
        super().put(attempt, delay=delay)
        assert self.clock is not None
        self.waiting.append((self.clock() + delay, attempt))


def frozen_assistant(call_id: str, *, assistant_id: str | None = None, **members: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "llm_config": {"provider": "local", "model": "intents"},
        "stt_config": {"provider": "local", "model": "moonshine-base-en", "language": "en"},
        "tts_config": {"provider": "local", "voice_id": "heart"},
        "first_message": "Hello, Riverside Dental.",
        "webhook_url": URL,
        "webhook_secret": SECRET,
    }
    settings = validate(AssistantMembers, known | members, "")
    return EffectiveAssistant(assistant_id=assistant_id, settings=settings).freeze(CIPHER, org_id=ORG, call_id=call_id)
