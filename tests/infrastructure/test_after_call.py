"""The state machine `after_call` as the emulator runs it, with a function that only answers as ours does."""

import io
import json
import zipfile
from datetime import datetime, timedelta
from typing import Any

import pytest

from infra.paths import WORKFLOWS
from sovereign.kernel.clock import to_wire, utc_now
from tests.infrastructure.emulated import Emulator, emulator, wait_until

__all__ = ["emulator"]
pytestmark = pytest.mark.timeout(120)

ROLE = "arn:aws:iam::000000000000:role/test"
HANDLER = """
def handler(event, context):
    answer = {"step": event["step"]}
    if event["step"] == "look_for_recording":
        answer["late_until"] = event["org_id"]
    return answer
"""
"""The organization's id says until when pieces are late."""


@pytest.fixture(scope="module")
def machine(emulator: Emulator) -> str:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("work.py", HANDLER)
    function = emulator.client("lambda").create_function(
        FunctionName="after-call-tasks",
        Runtime="python3.13",
        Role=ROLE,
        Handler="work.handler",
        Code={"ZipFile": memory.getvalue()},
        Timeout=10,
    )
    definition = (WORKFLOWS / "after_call.asl.json").read_text()
    made = emulator.client("stepfunctions").create_state_machine(
        name="after-call", roleArn=ROLE, definition=definition.replace("${AfterCallTasksArn}", function["FunctionArn"])
    )
    return str(made["stateMachineArn"])


def entered(emulator: Emulator, machine: str, late_until: str) -> list[tuple[str, datetime]]:
    """The states an execution went through, and when it came to each."""
    states = emulator.client("stepfunctions")
    call = json.dumps({"org_id": late_until, "call_id": "c", "call_number": 1})
    arn = states.start_execution(stateMachineArn=machine, input=call)["executionArn"]
    wait_until(lambda: states.describe_execution(executionArn=arn)["status"] == "SUCCEEDED", 30)
    events: list[dict[str, Any]] = states.get_execution_history(executionArn=arn)["events"]
    return [
        (event["stateEnteredEventDetails"]["name"], event["timestamp"])
        for event in events
        if "stateEnteredEventDetails" in event
    ]


def test_pieces_of_a_recording_that_are_late_are_waited_for_outside_the_function(
    emulator: Emulator, machine: str
) -> None:
    late_until = utc_now() + timedelta(seconds=3)
    way = entered(emulator, machine, to_wire(late_until))
    assert [name for name, _ in way] == [
        "LookForRecording",
        "DecideOnLatePieces",
        "WaitForLatePieces",
        "FinishRecording",
        "Transcribe",
        "Analyse",
        "Report",
    ]
    assert dict(way)["FinishRecording"] >= late_until


def test_recording_that_is_there_is_not_waited_for(emulator: Emulator, machine: str) -> None:
    way = [name for name, _ in entered(emulator, machine, "")]
    assert way == ["LookForRecording", "DecideOnLatePieces", "Transcribe", "Analyse", "Report"]
