"""One Lambda function with its layers, logs, environment and grants."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.assets import function_folder
from infra.constructs.layers import Layers, architecture_of, runtime_of
from infra.constructs.needs import grant
from infra.platform import Platform
from infra.resources import ApiResource, Worker
from infra.stage import Stage

API_TIMEOUT_SECONDS = 29
"""An HTTP API gives up on a function after 30 s: the function should answer before."""


def retention_of(stage: Stage) -> logs.RetentionDays:
    """CloudWatch's name for the stage's retention. Raises ValueError for a number of days it does not offer."""
    names = {1: "ONE_DAY", 7: "ONE_WEEK", 30: "ONE_MONTH", 90: "THREE_MONTHS", 365: "ONE_YEAR"}
    if stage.log_days not in names:
        raise ValueError(f"log_days must be one of {', '.join(map(str, names))}")
    return logs.RetentionDays[names[stage.log_days]]


class ServiceFunction(Construct):
    """The function of a row: `target` is what triggers should invoke (an alias where SnapStart publishes versions)."""

    def __init__(
        self,
        scope: Construct,
        row: ApiResource | Worker,
        *,
        platform: Platform,
        layers: Layers,
        vpc: ec2.IVpc | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] = (),
    ) -> None:
        super().__init__(scope, row.name.title().replace("_", ""))
        stage = platform.stage
        self.row = row
        self.name = f"sovereign-{stage.name}-{row.name.replace('_', '-')}"
        self.log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/{stage.prefix}/{row.name}",
            retention=retention_of(stage),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        self.function = self._function(stage, layers, vpc, security_groups)
        grant(platform, row.needs, self.function, self.function.add_environment)
        self.target: lambda_.IFunction = self._published() if stage.target.snap_start else self.function

    def _function(
        self, stage: Stage, layers: Layers, vpc: ec2.IVpc | None, security_groups: Sequence[ec2.ISecurityGroup]
    ) -> lambda_.Function:
        row = self.row
        timeout = row.timeout_seconds if isinstance(row, Worker) else API_TIMEOUT_SECONDS
        return lambda_.Function(
            self,
            "Function",
            function_name=self.name,
            runtime=runtime_of(stage.target),
            architecture=architecture_of(stage.target),
            handler=f"functions.{row.name}.handler.handler",
            code=lambda_.Code.from_asset(str(function_folder(row.name))),
            layers=[layers.dependencies, layers.shared],
            memory_size=row.memory_mb,
            timeout=cdk.Duration.seconds(timeout),
            environment=environment_of(stage, row.name),
            log_group=self.log_group,
            tracing=lambda_.Tracing.ACTIVE,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if stage.target.snap_start else None,
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED) if vpc else None,
            security_groups=list(security_groups) or None,
        )

    def _published(self) -> lambda_.Alias:
        return lambda_.Alias(self, "Live", alias_name="live", version=self.function.current_version)


def environment_of(stage: Stage, service: str) -> dict[str, str]:
    """The variables every function and task gets, whatever it is granted."""
    return {
        "STAGE": stage.name,
        "SECRET_PREFIX": stage.prefix,
        "DEFAULT_PROVIDERS": stage.default_providers,
        "EGRESS_ALLOWED_CIDRS": ",".join(stage.egress_allowed_cidrs),
        "POWERTOOLS_SERVICE_NAME": service,
        "POWERTOOLS_LOG_LEVEL": stage.log_level,
        "POWERTOOLS_METRICS_NAMESPACE": "Sovereign",
        **stage.address_variables,
    }
