"""Turns a row's needs into grants and environment variables: the one place where both are decided."""

from collections.abc import Callable
from typing import Protocol

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from infra.platform import (
    Messaging,
    Platform,
    organization_secrets,
    run_campaign_name,
    secrets_statement,
)
from infra.resources import Need

Setter = Callable[[str, str], object]
"""Sets one environment variable."""

TABLE_ACTIONS = (
    "BatchGetItem",
    "ConditionCheckItem",
    "DeleteItem",
    "GetItem",
    "PutItem",
    "Query",
    "UpdateItem",
)
"""What `sovereign.kernel.table` calls; a transaction needs only the actions inside it. Never Scan."""


class MissingResourceError(LookupError):
    """A row needs something its stack comes before."""


class Granter(Protocol):
    """Grants one need to a principal."""

    def __call__(self, platform: Platform, grantee: iam.IGrantable, set_variable: Setter) -> None:
        """Add the policy statements and name the resource in the environment."""


def grant(platform: Platform, needs: frozenset[Need], grantee: iam.IGrantable, set_variable: Setter) -> None:
    """Give a function or task what its row says, in a fixed order so that templates do not change for nothing."""
    for need in sorted(needs):
        _GRANTERS[need](platform, grantee, set_variable)


def _table(platform: Platform, grantee: iam.IGrantable, set_variable: Setter) -> None:
    table = platform.data.table
    statement = iam.PolicyStatement(
        actions=[f"dynamodb:{action}" for action in TABLE_ACTIONS],
        resources=[table.table_arn, f"{table.table_arn}/index/*"],
    )
    grantee.grant_principal.add_to_principal_policy(statement)
    set_variable("TABLE_NAME", table.table_name)


def _encryption(platform: Platform, grantee: iam.IGrantable, set_variable: Setter) -> None:
    platform.data.key.grant(grantee, "kms:GenerateDataKey", "kms:Decrypt")
    set_variable("KMS_KEY_ID", platform.data.key.key_arn)


def _signing_secret(platform: Platform, grantee: iam.IGrantable, set_variable: Setter) -> None:
    platform.data.signing_secret.grant_read(grantee)
    set_variable("SIGNING_SECRET_ID", platform.data.signing_secret.secret_arn)


def _control_secret(platform: Platform, grantee: iam.IGrantable, set_variable: Setter) -> None:
    platform.data.control_secret.grant_read(grantee)
    set_variable("CONTROL_SECRET_ID", platform.data.control_secret.secret_arn)


def _platform_keys(platform: Platform, grantee: iam.IGrantable, set_variable: Setter) -> None:
    platform.data.platform_keys.grant_read(grantee)
    set_variable("PLATFORM_KEYS_SECRET_ID", platform.data.platform_keys.secret_arn)


def _organization_keys(platform: Platform, grantee: iam.IGrantable, set_variable: Setter) -> None:
    arn = organization_secrets(cdk.Stack.of(grantee), platform.stage)  # type: ignore[arg-type]
    grantee.grant_principal.add_to_principal_policy(secrets_statement(arn, "GetSecretValue"))
    set_variable("SECRET_PREFIX", platform.stage.prefix)


def _organization_keys_write(platform: Platform, grantee: iam.IGrantable, set_variable: Setter) -> None:
    arn = organization_secrets(cdk.Stack.of(grantee), platform.stage)  # type: ignore[arg-type]
    statement = secrets_statement(arn, "CreateSecret", "PutSecretValue")
    grantee.grant_principal.add_to_principal_policy(statement)
    set_variable("SECRET_PREFIX", platform.stage.prefix)


def _recordings_read(platform: Platform, grantee: iam.IGrantable, set_variable: Setter) -> None:
    """The addresses a function signs are good for what its own role may do."""
    bucket = platform.data.recordings
    statement = iam.PolicyStatement(actions=["s3:GetObject"], resources=[bucket.arn_for_objects("*")])
    grantee.grant_principal.add_to_principal_policy(statement)
    set_variable("RECORDINGS_BUCKET", bucket.bucket_name)


def _recordings_finish(platform: Platform, grantee: iam.IGrantable, set_variable: Setter) -> None:
    bucket = platform.data.recordings
    actions = ("AbortMultipartUpload", "DeleteObject", "GetObject", "PutObject")
    objects = iam.PolicyStatement(
        actions=[f"s3:{action}" for action in actions], resources=[bucket.arn_for_objects("*")]
    )
    listing = iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket.bucket_arn])
    for statement in (objects, listing):
        grantee.grant_principal.add_to_principal_policy(statement)
    set_variable("RECORDINGS_BUCKET", bucket.bucket_name)


def _recordings_delete(platform: Platform, grantee: iam.IGrantable, set_variable: Setter) -> None:
    bucket = platform.data.recordings
    bucket.grant_delete(grantee)
    listing = iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket.bucket_arn])
    grantee.grant_principal.add_to_principal_policy(listing)
    set_variable("RECORDINGS_BUCKET", platform.data.recordings.bucket_name)


def _imports_offer(platform: Platform, grantee: iam.IGrantable, set_variable: Setter) -> None:
    """What a function signs is good for what its own role may do: uploads may be written, error files read."""
    bucket = platform.data.imports
    for action, objects in (("PutObject", "uploads/*"), ("GetObject", "imports/*"), ("DeleteObject", "*")):
        statement = iam.PolicyStatement(actions=[f"s3:{action}"], resources=[bucket.arn_for_objects(objects)])
        grantee.grant_principal.add_to_principal_policy(statement)
    _list(bucket, grantee)
    set_variable("IMPORTS_BUCKET", bucket.bucket_name)


def _imports_work(platform: Platform, grantee: iam.IGrantable, set_variable: Setter) -> None:
    bucket = platform.data.imports
    actions = [f"s3:{action}" for action in ("DeleteObject", "GetObject", "PutObject")]
    statement = iam.PolicyStatement(actions=actions, resources=[bucket.arn_for_objects("*")])
    grantee.grant_principal.add_to_principal_policy(statement)
    _list(bucket, grantee)
    set_variable("IMPORTS_BUCKET", bucket.bucket_name)


def _import_queue(platform: Platform, grantee: iam.IGrantable, set_variable: Setter) -> None:
    if platform.import_queue is None:
        raise MissingResourceError("the queue of imports comes before the function that works it off")
    platform.import_queue.grant_send_messages(grantee)
    set_variable("IMPORT_QUEUE_URL", platform.import_queue.queue_url)


def _list(bucket: s3.IBucket, grantee: iam.IGrantable) -> None:
    """Without it, what is not there looks like what is forbidden."""
    listing = iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket.bucket_arn])
    grantee.grant_principal.add_to_principal_policy(listing)


def _api_url(platform: Platform, grantee: iam.IGrantable, set_variable: Setter) -> None:
    """By name: the API is deployed after what must know its address."""
    name = platform.stage.api_url_parameter
    arn = cdk.Stack.of(grantee).format_arn(service="ssm", resource="parameter", resource_name=name.removeprefix("/"))  # type: ignore[arg-type]
    statement = iam.PolicyStatement(actions=["ssm:GetParameter"], resources=[arn])
    grantee.grant_principal.add_to_principal_policy(statement)
    set_variable("API_URL_PARAMETER", name)


def _node_gateway(platform: Platform, grantee: iam.IGrantable, set_variable: Setter) -> None:
    if platform.node_gateway is None:
        raise MissingResourceError("the media stack comes before what calls its node gateway")
    platform.node_gateway.grant_invoke(grantee)
    set_variable("NODE_GATEWAY_FUNCTION", platform.node_gateway.function_name)


def _run_campaign(platform: Platform, grantee: iam.IGrantable, set_variable: Setter) -> None:
    arn = cdk.Stack.of(grantee).format_arn(  # type: ignore[arg-type]
        service="states",
        resource="stateMachine",
        resource_name=run_campaign_name(platform.stage),
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
    statement = iam.PolicyStatement(actions=["states:StartExecution"], resources=[arn])
    grantee.grant_principal.add_to_principal_policy(statement)
    set_variable("RUN_CAMPAIGN_ARN", arn)


def _messaging(platform: Platform) -> Messaging:
    if platform.messaging is None:
        raise MissingResourceError("the events stack comes before what uses its bus and queues")
    return platform.messaging


def _bus(platform: Platform, grantee: iam.IGrantable, set_variable: Setter) -> None:
    bus = _messaging(platform).bus
    bus.grant_put_events_to(grantee)
    set_variable("BUS_NAME", bus.event_bus_name)


def _delivery_queue(platform: Platform, grantee: iam.IGrantable, set_variable: Setter) -> None:
    queue = _messaging(platform).delivery_queue
    queue.grant_send_messages(grantee)
    set_variable("DELIVERY_QUEUE_URL", queue.queue_url)


def _delivery_dead_letters(platform: Platform, grantee: iam.IGrantable, set_variable: Setter) -> None:
    queue = _messaging(platform).delivery_dead_letters
    queue.grant_send_messages(grantee)
    set_variable("DELIVERY_DEAD_LETTER_QUEUE_URL", queue.queue_url)


def _notification_queue(platform: Platform, grantee: iam.IGrantable, set_variable: Setter) -> None:
    queue = _messaging(platform).notification_queue
    queue.grant_send_messages(grantee)
    set_variable("NOTIFICATION_QUEUE_URL", queue.queue_url)


def _notification_dead_letters(platform: Platform, grantee: iam.IGrantable, set_variable: Setter) -> None:
    queue = _messaging(platform).notification_dead_letters
    queue.grant_send_messages(grantee)
    set_variable("NOTIFICATION_DEAD_LETTER_QUEUE_URL", queue.queue_url)


def _failed_records(platform: Platform, grantee: iam.IGrantable, set_variable: Setter) -> None:
    queue = _messaging(platform).failed_records
    queue.grant_send_messages(grantee)
    set_variable("FAILED_RECORDS_QUEUE_URL", queue.queue_url)


_GRANTERS: dict[Need, Granter] = {
    Need.TABLE: _table,
    Need.ENCRYPTION: _encryption,
    Need.SIGNING_SECRET: _signing_secret,
    Need.CONTROL_SECRET: _control_secret,
    Need.PLATFORM_KEYS: _platform_keys,
    Need.ORGANIZATION_KEYS: _organization_keys,
    Need.ORGANIZATION_KEYS_WRITE: _organization_keys_write,
    Need.RECORDINGS_READ: _recordings_read,
    Need.RECORDINGS_FINISH: _recordings_finish,
    Need.RECORDINGS_DELETE: _recordings_delete,
    Need.IMPORTS_OFFER: _imports_offer,
    Need.IMPORTS_WORK: _imports_work,
    Need.IMPORT_QUEUE: _import_queue,
    Need.API_URL: _api_url,
    Need.NODE_GATEWAY: _node_gateway,
    Need.RUN_CAMPAIGN: _run_campaign,
    Need.BUS: _bus,
    Need.DELIVERY_QUEUE: _delivery_queue,
    Need.DELIVERY_DEAD_LETTERS: _delivery_dead_letters,
    Need.NOTIFICATION_QUEUE: _notification_queue,
    Need.NOTIFICATION_DEAD_LETTERS: _notification_dead_letters,
    Need.FAILED_RECORDS: _failed_records,
}
