"""The functions of a stage, wired as their handlers do it, on the table as a function reaches it: an invocation may end
anywhere, a request may fail before or after it was applied, and others come in between."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from random import Random
from typing import Any, TypeVar, cast
from unittest.mock import patch
from weakref import WeakSet

from botocore.exceptions import ReadTimeoutError
from greenlet import getcurrent, greenlet

from functions.after_call_tasks import handler as after_call
from functions.on_table_change.publisher import FactPublisher
from functions.on_table_change.stream import publish_records
from functions.on_table_change.sweep import Sweep
from functions.reap_lost_calls.reaper import Reaper
from sovereign.analysis.analyst import CallAnalyst
from sovereign.analysis_templates import AnalysisTemplateStore
from sovereign.assistants import EffectiveAssistant
from sovereign.calls.items import to_json
from sovereign.calls.live import LiveCalls
from sovereign.calls.model import CallRef
from sovereign.calls.outbound import Dialler, OutboundCalls
from sovereign.calls.store import CallStore
from sovereign.completion.interface import Completion, CompletionError
from sovereign.credits.store import CreditStore
from sovereign.kernel.encryption import Cipher
from sovereign.nodes.store import NodeStore
from sovereign.notifications.store import NotificationStore
from sovereign.retention.register import RetentionRegister
from sovereign.webhooks import rendering
from sovereign.webhooks.deliverer import Deliverer
from sovereign.webhooks.delivery import Attempt, AttemptResult, Delivery
from sovereign.webhooks.delivery_store import DeliveryStore
from sovereign.webhooks.endpoints import EndpointStore
from sovereign.webhooks.facts import FactOrder, fact_from_event
from sovereign.webhooks.frozen_bodies import FrozenBodies
from sovereign.webhooks.queue import QueuedAttempt
from sovereign.webhooks.rendering import FactRenderer
from sovereign.webhooks.subscriptions import thawed
from sovereign.webhooks.targets import WebhookTarget
from tests.component.calls.simulation.table import ReachedTable, WatchedTable
from tests.component.calls.simulation.tenants import CIPHER
from tests.component.calls.simulation.virtual import SimulatedLoop
from tests.component.campaigns.simulation.chances import CrashError

T = TypeVar("T")
CRASHES, FAILS, WAITS = 0.002, 0.002, 0.03
"""Chances of a request."""


class Functions:
    """What the events, queues and schedules of `cloud.py` invoke; each attribute is called on a thread of the loop."""

    def __init__(
        self,
        loop: SimulatedLoop,
        table: WatchedTable,
        chance: Random,
        *,
        bus: Any,
        deliveries: Any,
        mails: Any,
        dialler: Dialler,
    ) -> None:
        self._loop, self._chance = loop, chance
        self.sent: dict[str, list[tuple[str, bytes]]] = {}
        self._troubled: WeakSet[greenlet] = WeakSet()
        self.unreadable: list[tuple[str, Any]] = []
        self._assistants: dict[tuple[str, str], EffectiveAssistant | None] = {}
        reached, clock = ReachedTable(table, self._around), loop.clock
        self.calls = CallStore(reached, clock, cipher=CIPHER)
        self.credits = CreditStore(reached, clock)
        self.outbound = OutboundCalls(reached, self.calls, dialler, CIPHER, clock)
        self.reaper = Reaper(self.calls, LiveCalls(reached), NodeStore(reached, clock), clock)
        self._publisher = FactPublisher(reached, bus, cast(Any, self), RetentionRegister(reached))
        self.sweep = Sweep(
            table=reached,
            publisher=self._publisher,
            deliveries=DeliveryStore(reached, clock),
            queue=deliveries,
            calls=self.calls,
            notifications=NotificationStore(reached, clock),
            notification_queue=mails,
            clock=clock,
        )
        nobody = cast(Any, Nobody())
        self._deliverer = Deliverer(
            calls=self.calls,
            renderer=FactRenderer(
                calls=self.calls, accounts=nobody, secrets=nobody, numbers=nobody, cipher=CIPHER, clock=clock
            ),
            deliveries=DeliveryStore(reached, clock),
            order=FactOrder(reached),
            endpoints=EndpointStore(reached, clock),
            bodies=FrozenBodies(reached, CIPHER),
            sender=cast(Any, self),
            queue=deliveries,
            clock=clock,
        )
        self._analyst = CallAnalyst(
            calls=self.calls, completions=cast(Any, self), cipher=CIPHER, templates=AnalysisTemplateStore(reached)
        )

    @contextmanager
    def wired(self) -> Iterator[None]:
        """The handler of the state machine's tasks finds its parts here."""
        environment = after_call.TasksEnvironment(table_name="table")
        with (
            patch.object(after_call, "_calls", lambda: self.calls),
            patch.object(after_call, "_analyst", lambda: self._analyst),
            patch.object(after_call, "read_environment", lambda _: environment),
            patch.object(rendering, "thawed", self._thawed),
        ):
            yield

    def was_troubled(self) -> bool:
        """Whether a request of the invocation that asks went wrong."""
        return getcurrent() in self._troubled

    def publish(self, records: list[dict[str, Any]]) -> None:
        """A batch of the table's stream."""
        publish_records(records, self._publisher, cast(Any, self))

    def deliver(self, body: Mapping[str, Any]) -> None:
        """A message of the deliveries queue."""
        queued = QueuedAttempt.from_body(body)
        if queued is not None:
            self._deliverer.deliver_queued(queued)
        elif fact := fact_from_event(body):
            self._deliverer.deliver_fact(fact)

    def after_call(self, task: dict[str, Any]) -> None:
        """A task of the state machine."""
        after_call.handler(task, cast(Any, None))

    def hand_over(self, ref: CallRef) -> None:
        """The second half of placing a call."""
        self.outbound.hand_over(ref)

    def _thawed(self, frozen: Mapping[str, Any], cipher: Cipher, call: CallRef) -> EffectiveAssistant | None:
        """As the renderer's own: once an assistant and call, for that would be a third of all the time."""
        key = call.call_id, to_json(frozen)
        if key not in self._assistants:
            self._assistants[key] = thawed(frozen, cipher, call)
        return self._assistants[key]

    # the customer's endpoint

    def send(self, delivery: Delivery, target: WebhookTarget, body: bytes) -> AttemptResult:
        self._loop.sleep(self._chance.uniform(0.02, 1))
        arrives, status = self._chance.random() < 0.97, 200 if self._chance.random() < 0.95 else 503
        if arrives and status == 200:
            self.sent.setdefault(delivery.call_id, []).append((delivery.ref.delivery_id, body))
        if not arrives:
            return AttemptResult(Attempt(self._loop.clock(), 15_000, error="timeout"), slow=True)
        return AttemptResult(
            Attempt(self._loop.clock(), 20, status=status, error=None if status == 200 else "bad_status")
        )

    # the queue of records that cannot be read

    def put(self, reason: str, **keys: Any) -> None:
        self.unreadable.append((reason, keys))

    # the model

    def open(self, *_: Any) -> "Functions":
        return self

    def complete(self, *_: Any, **__: Any) -> Completion:
        fate = self._chance.random()
        self._loop.sleep(self._chance.uniform(150, 400) if fate < 0.03 else self._chance.uniform(0.2, 6))
        if 0.03 < fate < 0.1:
            raise CompletionError("local", "no answer", retryable=True)
        return Completion("They spoke of an appointment.")

    def _around(self, send: Callable[[], T]) -> T:
        chance = self._chance
        if chance.random() < WAITS:
            self._loop.sleep(chance.uniform(0.01, 0.6))
        fate, before = chance.random(), chance.random() < 0.5
        trouble: BaseException | None = None
        if fate < CRASHES:
            trouble = CrashError()
        elif fate < CRASHES + FAILS:
            trouble = ReadTimeoutError(endpoint_url="table")
        if trouble:
            self._troubled.add(getcurrent())
        if trouble and before:
            raise trouble
        answer = send()
        if trouble:
            raise trouble
        return answer


class Nobody:
    """Organizations without a webhook of their own, assistants without saved secrets, numbers without names."""

    def of(self, *_: Any) -> None:
        return None

    def name_of(self, *_: Any) -> None:
        return None
