"""What must outlive everything else: the table, the key, the secrets, the recordings. A stack of its own."""

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.platform import Data
from infra.stage import Stage
from sovereign.lead_imports.model import ERRORS_KEPT, KEPT, UPLOADS

INDEXES = (
    ("gsi1", "gsi1pk", "gsi1sk"),
    ("gsi2", "gsi2pk", "gsi2sk"),
    ("gsi3", "gsi3pk", "gsi3sk"),
    ("due", "due_shard", "due_at"),
)
"""Name, partition key and sort key of each index; what they hold is described in docs/data-model.md."""


class DataStack(cdk.Stack):
    """Keeps its resources when it is deleted, and forbids deleting them where the stage says so."""

    def __init__(self, scope: Construct, name: str, *, stage: Stage, env: cdk.Environment) -> None:
        super().__init__(scope, name, env=env, termination_protection=stage.deletion_protection)
        key = kms.Key(
            self,
            "TenantKey",
            description="Wraps the data keys of what organizations entrust: webhook secrets, trunk passwords",
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        self.data = Data(
            table=self._table(stage),
            key=key,
            control_secret=self._generated("ControlSecret", f"{stage.prefix}/control"),
            signing_secret=self._generated("SigningSecret", f"{stage.prefix}/signing"),
            platform_keys=self._platform_keys(f"{stage.prefix}/platform-keys"),
            recordings=self._recordings(),
            imports=self._imports(),
        )
        cdk.CfnOutput(self, "TableName", value=self.data.table.table_name)
        cdk.CfnOutput(self, "RecordingsBucket", value=self.data.recordings.bucket_name)

    def _table(self, stage: Stage) -> dynamodb.Table:
        """The one table; its keys and indexes are described in docs/data-model.md."""
        table = dynamodb.Table(
            self,
            "Table",
            partition_key=_attribute("pk"),
            sort_key=_attribute("sk"),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
            time_to_live_attribute="expires_at",
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=stage.deletion_protection,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        for name, partition, sort in INDEXES:
            table.add_global_secondary_index(
                index_name=name,
                partition_key=_attribute(partition),
                sort_key=_attribute(sort),
                projection_type=dynamodb.ProjectionType.KEYS_ONLY,
            )
        return table

    def _generated(self, name: str, secret_name: str) -> secretsmanager.Secret:
        return secretsmanager.Secret(
            self,
            name,
            secret_name=secret_name,
            generate_secret_string=secretsmanager.SecretStringGenerator(password_length=64, exclude_punctuation=True),
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )

    def _platform_keys(self, secret_name: str) -> secretsmanager.Secret:
        """Starts empty; the operator stores `{"openai": "...", ...}` in it after deploying."""
        return secretsmanager.Secret(
            self,
            "PlatformKeys",
            secret_name=secret_name,
            description="Provider keys of this deployment, a JSON object by provider name",
            secret_string_value=cdk.SecretValue.unsafe_plain_text("{}"),
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )

    def _recordings(self) -> s3.Bucket:
        return s3.Bucket(
            self,
            "Recordings",
            encryption=s3.BucketEncryption.KMS_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[s3.LifecycleRule(abort_incomplete_multipart_upload_after=cdk.Duration.days(1))],
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )

    def _imports(self) -> s3.Bucket:
        """Files of leads, on their way into the table. What is uploaded is told to the account's default bus."""
        bucket = s3.Bucket(
            self,
            "Imports",
            encryption=s3.BucketEncryption.KMS_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[
                s3.LifecycleRule(prefix=UPLOADS, expiration=cdk.Duration.days(1)),
                s3.LifecycleRule(prefix=KEPT, expiration=cdk.Duration.days(ERRORS_KEPT.days)),
                s3.LifecycleRule(abort_incomplete_multipart_upload_after=cdk.Duration.days(1)),
            ],
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        lowest = cast("s3.CfnBucket", bucket.node.default_child)
        # CDK's own switch for this is a function of its own that asks S3 after the deployment
        lowest.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
        )
        return bucket


def _attribute(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
