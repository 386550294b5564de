"""Alarms and the one dashboard."""

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from infra.constructs.alarms import Alarms, function_metric
from infra.stacks.api import ApiStack
from infra.stacks.campaigns import CampaignsStack
from infra.stacks.events import EventsStack
from infra.stacks.media import MediaStack
from infra.stacks.workflows import WorkflowsStack
from infra.stage import Stage


class ObservabilityStack(cdk.Stack):
    """Watches the other stacks; nothing depends on it."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stage: Stage,
        api: ApiStack,
        events: EventsStack,
        workflows: WorkflowsStack,
        media: MediaStack,
        campaigns: CampaignsStack,
        env: cdk.Environment,
    ) -> None:
        super().__init__(scope, name, env=env)
        self.alarms = Alarms(self, stage)
        functions = [*api.functions.values(), *events.functions, workflows.tasks, campaigns.tasks, campaigns.importer]
        for made in (*functions, media.node_gateway):
            self.alarms.on_errors(f"{made.row.name.replace('_', '-')}-errors", made.name)
        self.alarms.on_messages("campaign-news-dead-letters", campaigns.news.dead_letters)
        self.alarms.on_messages("lead-imports-dead-letters", campaigns.imports.dead_letters)
        self.alarms.on_failed_executions("run-campaign-failed", campaigns.run_campaign)
        for queue_name, queue in events.dead_letters.items():
            self.alarms.on_messages(queue_name, queue)
        self.alarms.on_late_stream("stream-behind", events.on_table_change.name)
        self.alarms.on_failed_executions("after-call-failed", workflows.after_call)
        self.alarms.above("api-5xx", api.api.metric_server_error(), threshold=5, why="the API answers with errors")
        self._dashboard(stage, self._rows(api, events, workflows, media.service.service))

    def _rows(
        self, api: ApiStack, events: EventsStack, workflows: WorkflowsStack, service: ecs.FargateService
    ) -> Mapping[str, list[cloudwatch.IMetric]]:
        http = api.api
        return {
            "Requests": [http.metric_count(), http.metric_client_error(), http.metric_server_error()],
            "API latency (p95)": [http.metric_latency(statistic="p95")],
            "Stream behind (ms)": [function_metric(events.on_table_change.name, "IteratorAge", "max")],
            "Deliveries and mails waiting": [
                events.messaging.delivery_queue.metric_approximate_number_of_messages_visible(),
                events.messaging.notification_queue.metric_approximate_number_of_messages_visible(),
            ],
            "After a call": [workflows.after_call.metric_succeeded(), workflows.after_call.metric_failed()],
            "Media nodes": [service.metric_cpu_utilization(), service.metric_memory_utilization()],
        }

    def _dashboard(self, stage: Stage, rows: Mapping[str, list[cloudwatch.IMetric]]) -> None:
        board = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=f"sovereign-{stage.name}")
        widgets: list[cloudwatch.IWidget] = [
            cloudwatch.GraphWidget(title=title, left=metrics, width=12) for title, metrics in rows.items()
        ]
        board.add_widgets(cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(self.alarms.made), width=24))
        for left, right in zip(widgets[::2], widgets[1::2], strict=True):
            board.add_widgets(left, right)
