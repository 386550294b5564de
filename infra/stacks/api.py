"""The HTTP API: one function a resource, as `infra.resources` says."""

import json
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.constructs.layers import Layers
from infra.constructs.service_function import ServiceFunction, retention_of
from infra.platform import Platform
from infra.resources import API_RESOURCES, FALLBACK_RESOURCE
from infra.stage import Stage

BASE_PATH = "/api/v1"
ACCESS_LOG = {
    "requestId": "$context.requestId",
    "method": "$context.httpMethod",
    "route": "$context.routeKey",
    "status": "$context.status",
    "latencyMs": "$context.responseLatency",
    "error": "$context.integrationErrorMessage",
}
"""Route keys, not paths: a path may hold what a client put into it."""


class ApiStack(cdk.Stack):
    """Output `ApiUrl` ends with the base path."""

    def __init__(self, scope: Construct, name: str, *, platform: Platform, env: cdk.Environment) -> None:
        super().__init__(scope, name, env=env)
        layers = Layers(self, platform.stage.target)
        self.functions = {
            row.name: ServiceFunction(self, row, platform=platform, layers=layers) for row in API_RESOURCES
        }
        self.api = apigateway.HttpApi(
            self,
            "Api",
            api_name=f"sovereign-{platform.stage.name}",
            create_default_stage=False,
            default_integration=self._integration(FALLBACK_RESOURCE),
        )
        for row in API_RESOURCES:
            self._routes(row.name, row.paths)
        self._stage(platform.stage)
        cdk.CfnOutput(self, "ApiId", value=self.api.api_id)
        url = f"{self.api.api_endpoint}{BASE_PATH}"
        cdk.CfnOutput(self, "ApiUrl", value=url)
        ssm.StringParameter(
            self,
            "Url",
            parameter_name=platform.stage.api_url_parameter,
            string_value=platform.stage.api_url or url,
            description="Where clients reach this API: links in webhooks and responses begin with it",
        )

    def _integration(self, name: str) -> integrations.HttpLambdaIntegration:
        return integrations.HttpLambdaIntegration(f"{name}-integration", self.functions[name].target)

    def _routes(self, name: str, paths: tuple[str, ...]) -> None:
        integration = self._integration(name)
        for path in paths:
            for below in ("", "/{proxy+}"):
                self.api.add_routes(
                    path=f"{BASE_PATH}/{path}{below}", methods=[apigateway.HttpMethod.ANY], integration=integration
                )

    def _stage(self, stage: Stage) -> None:
        log_group = logs.LogGroup(
            self,
            "AccessLogs",
            log_group_name=f"/{stage.prefix}/api-access",
            retention=retention_of(stage),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        made = apigateway.HttpStage(
            self,
            "DefaultStage",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(burst_limit=500, rate_limit=200),
        )
        lowest = cast("apigateway.CfnStage", made.node.default_child)
        lowest.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=log_group.log_group_arn, format=json.dumps(ACCESS_LOG)
        )
