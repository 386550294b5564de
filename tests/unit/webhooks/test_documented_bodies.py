"""The report shown in docs/webhooks.md is what the platform sends."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sovereign.assistants import EffectiveAssistant
from sovereign.assistants.settings import AssistantMembers
from sovereign.catalog.problems import validate
from sovereign.kernel.clock import from_wire
from sovereign.webhooks import bodies
from sovereign.webhooks.bodies import CallDescription, Report

DOCUMENT = Path(__file__).parents[3] / "docs" / "webhooks.md"


@pytest.fixture(scope="module")
def message() -> dict[str, Any]:
    [example] = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    shown: dict[str, Any] = json.loads(example)["message"]
    return shown


def test_documented_report_is_what_is_sent(message: dict[str, Any]) -> None:
    number, said = message["phone_number"], message["assistant"]
    settings = validate(AssistantMembers, {name: value for name, value in said.items() if value is not None}, "")
    described = CallDescription(
        message["call"]["id"],
        "inbound",
        message["call"]["status"],
        number_id=number["id"],
        phone_number=number["number"],
        number_name=number["name"],
        customer_number=message["customer"]["number"],
        assistant=EffectiveAssistant(settings=settings).public_view(),
    )
    report = Report(
        message["duration_seconds"],
        message["end_reason"],
        from_wire(message["started_at"]),
        from_wire(message["ended_at"]),
        message["summary"],
        message["messages"],
        recording_url=message["recording_url"],
    )
    sent = json.loads(bodies.end_of_call_report(described, report, from_wire(message["timestamp"])))
    assert sent == {"message": message}
    assert list(sent["message"]) == list(message)
