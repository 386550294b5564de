"""Outbound campaigns: the state machine that runs one, its tasks, imports of leads, and what wakes them."""

import dataclasses

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as scheduler_targets
from constructs import Construct

from infra.constructs.event_consumer import EventConsumer, Queues, queue_with_dead_letters
from infra.constructs.layers import Layers
from infra.constructs.service_function import ServiceFunction
from infra.constructs.workflow import Workflow
from infra.paths import WORKFLOWS
from infra.platform import Platform, run_campaign_name
from infra.resources import CAMPAIGN_TASKS, IMPORT_LEADS
from infra.stacks.events import SOURCE_CALLS
from sovereign.lead_imports.model import UPLOADS

SOURCE_CAMPAIGNS = "sovereign.campaigns"
_NEWS_ATTEMPTS = 5
_LONGEST_DAYS = 364
"""Below the year an execution may last: most of it is the one wait while the window is closed."""


class CampaignsStack(cdk.Stack):
    """`run_campaign`, its tasks, the queue of news (ends of outbound calls, starts of campaigns), imports, sweeps."""

    def __init__(self, scope: Construct, name: str, *, platform: Platform, env: cdk.Environment) -> None:
        super().__init__(scope, name, env=env)
        self._layers = Layers(self, platform.stage.target)
        self.tasks = ServiceFunction(self, CAMPAIGN_TASKS, platform=platform, layers=self._layers)
        self.run_campaign = Workflow(
            self,
            "RunCampaign",
            definition=WORKFLOWS / "run_campaign.asl.json",
            functions={"CampaignTasksArn": self.tasks},
            stage=platform.stage,
            timeout=cdk.Duration.days(_LONGEST_DAYS),
            machine_name=run_campaign_name(platform.stage),
        ).state_machine
        self.news = queue_with_dead_letters(
            self, "News", visibility_seconds=6 * CAMPAIGN_TASKS.timeout_seconds, attempts=_NEWS_ATTEMPTS
        )
        self.news.queue.grant_consume_messages(self.tasks.function)
        EventConsumer(self, "Hearing", queues=self.news, consumer=self.tasks, batch_size=10, concurrency=10)
        self._listen(platform)
        self._sweep("SweepSchedule", self.tasks, self.news, "campaigns")
        self._import(platform)

    def _listen(self, platform: Platform) -> None:
        """Through a queue: it keeps what a rule's single try to a function would lose."""
        if platform.messaging is None:
            raise LookupError("the events stack comes before the campaigns' stack")
        patterns = {
            "OutboundEnded": events.EventPattern(
                source=[SOURCE_CALLS], detail_type=["call.ended"], detail={"direction": ["outbound"]}
            ),
            "CampaignStarted": events.EventPattern(
                source=[SOURCE_CAMPAIGNS], detail_type=["campaign.started", "campaign.resumed"]
            ),
        }
        for name, pattern in patterns.items():
            events.Rule(
                self,
                name,
                event_bus=platform.messaging.bus,
                event_pattern=pattern,
                targets=[targets.SqsQueue(self.news.queue, dead_letter_queue=self.news.dead_letters)],
            )

    def _import(self, platform: Platform) -> None:
        """An upload makes a message, and an import that takes longer than one invocation makes the next one itself.

        Far less often than Lambda's guard against loops allows: 16 times in a row.
        """
        self.imports = queue_with_dead_letters(
            self, "Imports", visibility_seconds=6 * IMPORT_LEADS.timeout_seconds, attempts=_NEWS_ATTEMPTS
        )
        self.importer = ServiceFunction(
            self,
            IMPORT_LEADS,
            platform=dataclasses.replace(platform, import_queue=self.imports.queue),
            layers=self._layers,
        )
        self.imports.queue.grant_consume_messages(self.importer.function)
        EventConsumer(self, "Importing", queues=self.imports, consumer=self.importer, batch_size=1, concurrency=10)
        uploaded = {"bucket": {"name": [platform.data.imports.bucket_name]}, "object": {"key": [{"prefix": UPLOADS}]}}
        events.Rule(
            self,
            "Uploaded",
            event_pattern=events.EventPattern(source=["aws.s3"], detail_type=["Object Created"], detail=uploaded),
            targets=[targets.SqsQueue(self.imports.queue, dead_letter_queue=self.imports.dead_letters)],
        )
        self._sweep("ImportsSchedule", self.importer, self.imports, "imports")

    def _sweep(self, name: str, function: ServiceFunction, queues: Queues, task: str) -> None:
        """What one minute misses the next one sees."""
        scheduler.Schedule(
            self,
            name,
            schedule=scheduler.ScheduleExpression.rate(cdk.Duration.minutes(1)),
            target=scheduler_targets.LambdaInvoke(
                function.target,
                input=scheduler.ScheduleTargetInput.from_object({"source": "sovereign.schedule", "task": task}),
                retry_attempts=0,
                max_event_age=cdk.Duration.hours(1),
                dead_letter_queue=queues.dead_letters,
            ),
        )
