"""A state machine from its definition file."""

from collections.abc import Mapping
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.constructs.service_function import ServiceFunction, retention_of
from infra.stage import Stage


class Workflow(Construct):
    """`functions` fills the placeholders of the definition: `${AfterCallTasksArn}` becomes that function's ARN."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        definition: Path,
        functions: Mapping[str, ServiceFunction],
        stage: Stage,
        timeout: cdk.Duration,
        machine_name: str | None = None,
    ) -> None:
        super().__init__(scope, name)
        log_group = logs.LogGroup(
            self,
            "Logs",
            # Step Functions may write to groups below this path without a resource policy of their own
            log_group_name=f"/aws/vendedlogs/states/sovereign-{stage.name}-{definition.name.split('.')[0]}",
            retention=retention_of(stage),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        self.state_machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=machine_name,
            definition_body=sfn.DefinitionBody.from_file(str(definition)),
            definition_substitutions={key: made.target.function_arn for key, made in functions.items()},
            timeout=timeout,
            tracing_enabled=True,
            # states hold ids only, but what a task answers is not worth keeping: errors are
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ERROR, include_execution_data=False),
        )
        for made in functions.values():
            made.target.grant_invoke(self.state_machine)
