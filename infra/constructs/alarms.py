"""Alarms that mean a person should look: one topic, one naming scheme."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.stage import Stage

_FIVE_MINUTES = cdk.Duration.minutes(5)


def function_metric(function_name: str, metric: str, statistic: str) -> cloudwatch.Metric:
    """A function's metric by its name: an export of the function would stand in the way of ever removing it."""
    return cloudwatch.Metric(
        namespace="AWS/Lambda",
        metric_name=metric,
        dimensions_map={"FunctionName": function_name},
        statistic=statistic,
        period=_FIVE_MINUTES,
    )


class Alarms(Construct):
    """Collects what is watched; each alarm tells the topic, which mails the stage's address where it has one."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, "Alarms")
        self._stage = stage
        self.topic = sns.Topic(self, "Topic", enforce_ssl=True, display_name=f"Sovereign {stage.name}")
        if stage.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(stage.alarm_email))
        self.made: list[cloudwatch.Alarm] = []

    def on_messages(self, name: str, queue: sqs.IQueue) -> None:
        """Something fell into a dead-letter queue."""
        metric = queue.metric_approximate_number_of_messages_visible(period=_FIVE_MINUTES, statistic="max")
        self.above(name, metric, threshold=0, why="messages could not be handled and wait for a person")

    def on_errors(self, name: str, function_name: str) -> None:
        """A function raised instead of answering."""
        metric = function_metric(function_name, "Errors", "sum")
        self.above(name, metric, threshold=0, why="a function ended with an unhandled error")

    def on_late_stream(self, name: str, function_name: str) -> None:
        """The reader of the table's stream is more than a minute behind."""
        metric = function_metric(function_name, "IteratorAge", "max")
        self.above(name, metric, threshold=60_000, why="facts reach the bus late (milliseconds behind)")

    def on_failed_executions(self, name: str, machine: sfn.IStateMachine) -> None:
        """A workflow gave up."""
        metric = machine.metric_failed(period=_FIVE_MINUTES)
        self.above(name, metric, threshold=0, why="a workflow execution failed")

    def above(self, name: str, metric: cloudwatch.IMetric, *, threshold: float, why: str) -> None:
        """Alarm when a metric is above its threshold; no data is no alarm."""
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"sovereign-{self._stage.name}-{name}",
            alarm_description=why,
            metric=metric,
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        self.made.append(alarm)
