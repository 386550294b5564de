"""The collector of spans beside the media container."""

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from infra.app import build
from infra.constructs.media_service import COLLECTOR_ENDPOINT

pytestmark = pytest.mark.timeout(240)
IMAGE = "registry.example/collector:1"


def test_a_collector_runs_beside_the_media_container_only_when_asked_for() -> None:
    app = cdk.App(context={"stage": "embedded", "traceCollectorImage": IMAGE})
    build(app)
    (stack,) = [child for child in app.node.children if child.node.id == "Sovereign-embedded-media"]
    template = Template.from_stack(cdk.Stack.of(stack)).to_json()
    (task,) = [r for r in template["Resources"].values() if r["Type"] == "AWS::ECS::TaskDefinition"]
    media, collector = task["Properties"]["ContainerDefinitions"]
    assert {"Name": "OTEL_EXPORTER_OTLP_ENDPOINT", "Value": COLLECTOR_ENDPOINT} in media["Environment"]
    assert collector["Image"] == IMAGE
    assert collector["Essential"] is False
    assert media["Essential"] is True
