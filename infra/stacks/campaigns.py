"""Outbound campaigns: the state machine that runs one, its tasks, and what wakes them."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as scheduler_targets
from constructs import Construct

from infra.constructs.event_consumer import EventConsumer, queue_with_dead_letters
from infra.constructs.layers import Layers
from infra.constructs.service_function import ServiceFunction
from infra.constructs.workflow import Workflow
from infra.paths import WORKFLOWS
from infra.platform import Platform, run_campaign_name
from infra.resources import CAMPAIGN_TASKS
from infra.stacks.events import SOURCE_CALLS

SOURCE_CAMPAIGNS = "sovereign.campaigns"
_NEWS_ATTEMPTS = 5
_LONGEST_DAYS = 364
"""Below the year an execution may last: most of it is the one wait while the window is closed."""


class CampaignsStack(cdk.Stack):
    """`run_campaign`, its tasks, the queue of news (ends of outbound calls, starts of campaigns) and the sweep."""

    def __init__(self, scope: Construct, name: str, *, platform: Platform, env: cdk.Environment) -> None:
        super().__init__(scope, name, env=env)
        self.tasks = ServiceFunction(
            self, CAMPAIGN_TASKS, platform=platform, layers=Layers(self, platform.stage.target)
        )
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
        self._sweep()

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

    def _sweep(self) -> None:
        """What one minute misses the next one sees."""
        scheduler.Schedule(
            self,
            "SweepSchedule",
            schedule=scheduler.ScheduleExpression.rate(cdk.Duration.minutes(1)),
            target=scheduler_targets.LambdaInvoke(
                self.tasks.target,
                input=scheduler.ScheduleTargetInput.from_object({"source": "sovereign.schedule", "task": "campaigns"}),
                retry_attempts=0,
                max_event_age=cdk.Duration.hours(1),
                dead_letter_queue=self.news.dead_letters,
            ),
        )
