"""The state machines: what happens after a call."""

import aws_cdk as cdk
from constructs import Construct

from infra.constructs.layers import Layers
from infra.constructs.service_function import ServiceFunction
from infra.constructs.workflow import Workflow
from infra.paths import WORKFLOWS
from infra.platform import Platform
from infra.resources import AFTER_CALL_TASKS


class WorkflowsStack(cdk.Stack):
    """`after_call`: summary, analysis, report."""

    def __init__(self, scope: Construct, name: str, *, platform: Platform, env: cdk.Environment) -> None:
        super().__init__(scope, name, env=env)
        layers = Layers(self, platform.stage.target)
        self.tasks = ServiceFunction(self, AFTER_CALL_TASKS, platform=platform, layers=layers)
        self.after_call = Workflow(
            self,
            "AfterCall",
            definition=WORKFLOWS / "after_call.asl.json",
            functions={"AfterCallTasksArn": self.tasks},
            stage=platform.stage,
            timeout=cdk.Duration.minutes(15),
        ).state_machine
