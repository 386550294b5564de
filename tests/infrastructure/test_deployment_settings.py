"""What the context of a deployment puts into the functions and the media task."""

import json
import re
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from infra.app import _CONTEXT, build, stage_from
from infra.embedded.services import base_environment
from infra.stage import ADDRESSED_PROVIDERS
from sovereign.catalog.defaults import default_configs
from sovereign.provider_keys.addresses import _Addresses

pytestmark = pytest.mark.timeout(240)
GUIDE = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text(encoding="utf-8")
ADDRESSES = {"openai": "https://models.example/v1", "resend": "https://mail.example"}
VARIABLES = {"OPENAI_BASE_URL": "https://models.example/v1", "RESEND_BASE_URL": "https://mail.example"}


def test_addresses_and_the_trace_endpoint_reach_every_function_and_the_media_task() -> None:
    app = cdk.App(
        context={
            "stage": "embedded",
            "providerAddresses": ADDRESSES,
            "traceEndpoint": "http://collector.example:4318",
        }
    )
    build(app)
    stacks = [child for child in app.node.children if isinstance(child, cdk.Stack)]
    made = [each for stack in stacks for each in Template.from_stack(stack).to_json()["Resources"].values()]
    functions = [each["Properties"] for each in made if each["Type"] == "AWS::Lambda::Function"]
    ours = [each["Environment"]["Variables"] for each in functions if "functions." in each.get("Handler", "")]
    assert len(ours) > 20
    assert all(VARIABLES.items() <= each.items() for each in ours)
    (task,) = [each for each in made if each["Type"] == "AWS::ECS::TaskDefinition"]
    (media,) = task["Properties"]["ContainerDefinitions"]
    given = {each["Name"]: each["Value"] for each in media["Environment"]}
    wanted = VARIABLES | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.example:4318"}
    assert wanted.items() <= given.items()


@pytest.mark.parametrize(
    ("context", "problem"),
    [
        ({"providerAddresses": "openai"}, "providerAddresses: must be a JSON object"),
        ({"providerAddresses": {"opnai": "https://models.example"}}, "providerAddresses.opnai: is not one of"),
        ({"providerAddresses": json.dumps({"openai": "models.example"})}, "providerAddresses.openai: must be an http"),
        ({"providerAddresses": {"openai": 8080}}, "providerAddresses.openai: must be an http"),
        ({"traceEndpoint": "collector:4318"}, "traceEndpoint: must be an http"),
        (
            {"traceEndpoint": "http://c", "traceCollectorImage": "collector:1"},
            "traceEndpoint: a task has one collector",
        ),
    ],
)
def test_what_could_not_work_ends_the_synthesis(context: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        stage_from(cdk.App(context=context).node)


def test_every_address_the_platform_reads_can_be_set() -> None:
    read = {name.removesuffix("_base_url") for name in _Addresses.model_fields} | {"resend"}
    assert set(ADDRESSED_PROVIDERS) == read


def test_make_up_passes_on_addresses_and_where_spans_go(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {f"{provider.upper()}_BASE_URL": f"https://{provider}.example" for provider in ADDRESSED_PROVIDERS}
    given["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:4318"
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert given.items() <= base_environment().items()


def test_every_context_is_documented() -> None:
    table = GUIDE.split("| Context |")[1].split("\n\n")[0]
    shown = [name for line in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", line.split("|")[1])]
    assert sorted(shown) == sorted(["stage", *_CONTEXT])


def test_documented_default_set_is_the_one_of_a_deployment() -> None:
    llm, stt, tts = default_configs("cloud").values()
    assert f"`{stt['provider']}` (`{stt['model']}`), `{llm['provider']}` (`{llm['model']}`)" in GUIDE
    assert f"and `{tts['provider']}` (" in GUIDE
