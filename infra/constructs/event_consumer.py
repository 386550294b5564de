"""A queue with its dead-letter queue, and the function that works it off."""

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.service_function import ServiceFunction

_KEPT_DAYS = 14
"""The longest SQS keeps a message: what fell out waits as long as it can for a person."""


@dataclass(frozen=True)
class Queues:
    """A queue and where its messages go when they cannot be handled."""

    queue: sqs.Queue
    dead_letters: sqs.Queue


def dead_letter_queue(scope: Construct, name: str) -> sqs.Queue:
    """A queue for what could not be handled, kept as long as SQS allows."""
    return sqs.Queue(
        scope,
        name,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=cdk.Duration.days(_KEPT_DAYS),
    )


def queue_with_dead_letters(scope: Construct, name: str, *, visibility_seconds: int, attempts: int) -> Queues:
    """A queue whose messages move to `<name>DeadLetters` after `attempts` receipts."""
    dead_letters = dead_letter_queue(scope, f"{name}DeadLetters")
    queue = sqs.Queue(
        scope,
        name,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        visibility_timeout=cdk.Duration.seconds(visibility_seconds),
        retention_period=cdk.Duration.days(4),
        dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=attempts),
    )
    return Queues(queue, dead_letters)


class EventConsumer(Construct):
    """Connects a queue to a function, which reports the messages it could not handle one by one."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        queues: Queues,
        consumer: ServiceFunction,
        batch_size: int,
        concurrency: int,
    ) -> None:
        super().__init__(scope, name)
        self.queues = queues
        consumer.target.add_event_source(
            sources.SqsEventSource(
                queues.queue,
                batch_size=batch_size,
                max_concurrency=concurrency,
                report_batch_item_failures=True,
            )
        )
