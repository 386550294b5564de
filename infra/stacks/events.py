"""From a committed change to the bus, and from the bus to who wants to know."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as scheduler_targets
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.constructs.event_consumer import EventConsumer, dead_letter_queue, queue_with_dead_letters
from infra.constructs.layers import Layers
from infra.constructs.service_function import ServiceFunction
from infra.platform import Messaging, Platform
from infra.resources import (
    APPLY_RETENTION,
    DELIVER_WEBHOOK,
    ON_TABLE_CHANGE,
    REAP_LOST_CALLS,
    SEND_NOTIFICATION,
    Worker,
)

SOURCE_CALLS = "sovereign.calls"
_DELIVERY_ATTEMPTS = 5
"""Receipts of one message before it counts as poison; attempts at a webhook or a mail are counted in its record."""


class EventsStack(cdk.Stack):
    """Bus, rules, queues, the stream's reader and the schedules."""

    def __init__(
        self, scope: Construct, name: str, *, platform: Platform, after_call: sfn.IStateMachine, env: cdk.Environment
    ) -> None:
        super().__init__(scope, name, env=env)
        self._layers = Layers(self, platform.stage.target)
        self._deliveries = queue_with_dead_letters(
            self, "Deliveries", visibility_seconds=6 * DELIVER_WEBHOOK.timeout_seconds, attempts=_DELIVERY_ATTEMPTS
        )
        self._notifications = queue_with_dead_letters(
            self,
            "Notifications",
            visibility_seconds=6 * SEND_NOTIFICATION.timeout_seconds,
            attempts=_DELIVERY_ATTEMPTS,
        )
        self.failed_records = dead_letter_queue(self, "FailedRecords")
        self.failed_triggers = dead_letter_queue(self, "FailedTriggers")
        self.messaging = Messaging(
            bus=events.EventBus(self, "Bus", event_bus_name=f"sovereign-{platform.stage.name}"),
            delivery_queue=self._deliveries.queue,
            delivery_dead_letters=self._deliveries.dead_letters,
            notification_queue=self._notifications.queue,
            notification_dead_letters=self._notifications.dead_letters,
            failed_records=self.failed_records,
        )
        self.platform = Platform(platform.stage, platform.data, self.messaging)
        self.functions: list[ServiceFunction] = []
        self._read_stream()
        self._deliver()
        self._send_mail()
        self._start(after_call)
        self._schedules()

    def _function(self, worker: Worker) -> ServiceFunction:
        made = ServiceFunction(self, worker, platform=self.platform, layers=self._layers)
        self.functions.append(made)
        return made

    def _read_stream(self) -> None:
        """Only facts wake the reader. It handles records one by one and never raises; what it cannot handle at all
        (it is killed, say) is bisected, and given to the failure queue before the stream forgets it."""
        self.on_table_change = self._function(ON_TABLE_CHANGE)
        fact = lambda_.FilterCriteria.filter(
            {
                "dynamodb": {
                    "Keys": {"sk": {"S": [{"prefix": "FACT#"}]}},
                    "NewImage": {"due_shard": {"S": [{"exists": True}]}},
                }
            }
        )
        self.on_table_change.target.add_event_source(
            sources.DynamoEventSource(
                self.platform.data.table,
                starting_position=lambda_.StartingPosition.TRIM_HORIZON,
                batch_size=100,
                filters=[fact],
                bisect_batch_on_error=True,
                retry_attempts=5,
                max_record_age=cdk.Duration.hours(6),
                on_failure=sources.SqsDlq(self.failed_records),
                parallelization_factor=4,
            )
        )

    def _deliver(self) -> None:
        """Facts of calls go to the delivery queue: a queue keeps what a rule's single try to a function would lose."""
        consumer = self._function(DELIVER_WEBHOOK)
        self._deliveries.queue.grant_consume_messages(consumer.function)
        EventConsumer(self, "Delivering", queues=self._deliveries, consumer=consumer, batch_size=10, concurrency=50)
        target = targets.SqsQueue(self._deliveries.queue, dead_letter_queue=self.failed_triggers)
        self._rule("CallFacts", {"source": [SOURCE_CALLS]}, target)

    def _send_mail(self) -> None:
        """Reports go to a queue of their own too. Few at once: Resend allows an account some requests a second."""
        consumer = self._function(SEND_NOTIFICATION)
        self._notifications.queue.grant_consume_messages(consumer.function)
        EventConsumer(self, "Mailing", queues=self._notifications, consumer=consumer, batch_size=5, concurrency=5)
        target = targets.SqsQueue(self._notifications.queue, dead_letter_queue=self.failed_triggers)
        self._rule("CallReported", {"source": [SOURCE_CALLS], "detail_type": ["call.reported"]}, target)

    def _start(self, after_call: sfn.IStateMachine) -> None:
        target = targets.SfnStateMachine(
            after_call,
            input=events.RuleTargetInput.from_event_path("$.detail"),
            dead_letter_queue=self.failed_triggers,
            retry_attempts=10,
        )
        self._rule("CallEnded", {"source": [SOURCE_CALLS], "detail_type": ["call.ended"]}, target)

    def _rule(self, name: str, pattern: dict[str, list[str]], target: events.IRuleTarget) -> None:
        events.Rule(
            self,
            name,
            event_bus=self.messaging.bus,
            event_pattern=events.EventPattern(source=pattern["source"], detail_type=pattern.get("detail_type")),
            targets=[target],
        )

    def _schedules(self) -> None:
        """The minute's work is repeated by the next minute; a missed night of retention is tried again and reported."""
        minute = scheduler.ScheduleExpression.rate(cdk.Duration.minutes(1))
        self._schedule("Sweep", minute, self.on_table_change, "sweep", retries=0)
        self._schedule("ReapLostCalls", minute, self._function(REAP_LOST_CALLS), "reap_lost_calls", retries=0)
        nightly = scheduler.ScheduleExpression.cron(hour="3", minute="17")
        self._schedule("Retention", nightly, self._function(APPLY_RETENTION), "apply_retention", retries=20)

    def _schedule(
        self, name: str, when: scheduler.ScheduleExpression, made: ServiceFunction, task: str, *, retries: int
    ) -> None:
        scheduler.Schedule(
            self,
            f"{name}Schedule",
            schedule=when,
            target=scheduler_targets.LambdaInvoke(
                made.target,
                input=scheduler.ScheduleTargetInput.from_object({"source": "sovereign.schedule", "task": task}),
                retry_attempts=retries,
                max_event_age=cdk.Duration.hours(1),
                dead_letter_queue=self.failed_triggers,
            ),
        )

    @property
    def dead_letters(self) -> dict[str, sqs.Queue]:
        """What an operator should be told about, by name."""
        return {
            "deliveries-dead-letters": self._deliveries.dead_letters,
            "notifications-dead-letters": self._notifications.dead_letters,
            "failed-records": self.failed_records,
            "failed-triggers": self.failed_triggers,
        }
