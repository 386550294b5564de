"""What the stacks hand each other: the resources a function or a task can be granted."""

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sqs as sqs

from infra.stage import Stage


@dataclass(frozen=True)
class Data:
    """What holds state."""

    table: dynamodb.Table
    key: kms.Key
    control_secret: secretsmanager.Secret
    signing_secret: secretsmanager.Secret
    platform_keys: secretsmanager.Secret
    recordings: s3.Bucket
    imports: s3.Bucket


@dataclass(frozen=True)
class Messaging:
    """What carries events."""

    bus: events.EventBus
    delivery_queue: sqs.Queue
    delivery_dead_letters: sqs.Queue
    notification_queue: sqs.Queue
    notification_dead_letters: sqs.Queue
    failed_records: sqs.Queue


@dataclass(frozen=True)
class Platform:
    """Everything a function may need; what another stack than the data's makes is None until that exists."""

    stage: Stage
    data: Data
    messaging: Messaging | None = None
    node_gateway: lambda_.IFunction | None = None
    import_queue: sqs.Queue | None = None


def run_campaign_name(stage: Stage) -> str:
    """The name of the state machine that runs campaigns. Its tasks start its executions, so they know it by name."""
    return f"sovereign-{stage.name}-run-campaign"


def organization_secrets(scope: cdk.Stack, stage: Stage) -> str:
    """The ARN pattern of the secrets organizations keep their provider keys in: made at run time, known by name."""
    return scope.format_arn(
        service="secretsmanager",
        resource="secret",
        resource_name=f"{stage.prefix}/organizations/*",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )


def secrets_statement(arn: str, *actions: str) -> iam.PolicyStatement:
    """Allow Secrets Manager actions on secrets by ARN."""
    return iam.PolicyStatement(actions=[f"secretsmanager:{action}" for action in actions], resources=[arn])
