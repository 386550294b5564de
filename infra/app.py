"""The CDK app: a stage in, stacks out. Needs no account and no network once the dependencies layer is built.

Context: `stage` (dev, prod, embedded), `account`, `region`, `mediaImage`, `traceCollectorImage`, `alarmEmail`,
`traceEndpoint`, `apiUrl`, `providerAddresses`, `providerFallbacks`, `srtpIn`.
"""

import dataclasses
import json
from typing import Any

import aws_cdk as cdk
from constructs import Node

from infra.platform import Platform
from infra.stacks.api import ApiStack
from infra.stacks.campaigns import CampaignsStack
from infra.stacks.data import DataStack
from infra.stacks.events import EventsStack
from infra.stacks.media import MediaStack
from infra.stacks.observability import ObservabilityStack
from infra.stacks.workflows import WorkflowsStack
from infra.stage import Stage, stage_named

_CONTEXT = {
    "account": "account",
    "region": "region",
    "mediaImage": "media_image",
    "traceCollectorImage": "trace_collector_image",
    "traceEndpoint": "trace_endpoint",
    "alarmEmail": "alarm_email",
    "apiUrl": "api_url",
    "providerAddresses": "provider_addresses",
    "providerFallbacks": "provider_fallbacks",
    "srtpIn": "srtp_in",
}
"""Context name -> setting of the stage it replaces."""


def stage_from(node: Node) -> Stage:
    """The stage the context names, with what the context sets replaced."""
    stage = stage_named(str(node.try_get_context("stage") or "dev"))
    given = {setting: node.try_get_context(name) for name, setting in _CONTEXT.items()}
    # cdk.json may hold a value as the JSON it is
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items() if value}
    replaced: dict[str, Any] = texts
    return dataclasses.replace(stage, **replaced)


def build(app: cdk.App) -> Stage:
    """Put every stack of the context's stage into the app, in the order in which they need each other."""
    stage = stage_from(app.node)
    env = cdk.Environment(account=stage.account, region=stage.region)
    prefix = f"Sovereign-{stage.name}"
    data = DataStack(app, f"{prefix}-data", stage=stage, env=env)
    platform = Platform(stage, data.data)
    workflows = WorkflowsStack(app, f"{prefix}-workflows", platform=platform, env=env)
    events = EventsStack(app, f"{prefix}-events", platform=platform, after_call=workflows.after_call, env=env)
    media = MediaStack(app, f"{prefix}-media", platform=platform, env=env)
    complete = dataclasses.replace(events.platform, node_gateway=media.node_gateway.target)
    campaigns = CampaignsStack(app, f"{prefix}-campaigns", platform=complete, env=env)
    api = ApiStack(app, f"{prefix}-api", platform=complete, env=env)
    ObservabilityStack(
        app,
        f"{prefix}-observability",
        stage=stage,
        api=api,
        events=events,
        workflows=workflows,
        media=media,
        campaigns=campaigns,
        env=env,
    )
    cdk.Tags.of(app).add("application", "sovereign")
    cdk.Tags.of(app).add("stage", stage.name)
    return stage


if __name__ == "__main__":
    application = cdk.App()
    build(application)
    application.synth()
