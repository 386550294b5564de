import json
from pathlib import Path
from typing import Any

import pytest

from functions.after_call_tasks.handler import LATE_AFTER, Task
from sovereign.calls.lifecycle import REPORT_OVERDUE_AFTER
from sovereign.transcription.http import TIMEOUT_SECONDS

DEFINITION = Path(__file__).parents[3] / "infra" / "workflows" / "after_call.asl.json"
STATES: dict[str, Any] = json.loads(DEFINITION.read_text())["States"]
IDS = {"org_id", "call_id", "call_number"}


def test_every_state_sends_a_task_the_function_takes_with_ids_only() -> None:
    for state in (state for state in STATES.values() if state["Type"] == "Task"):
        payload = state["Arguments"]["Payload"]
        assert payload.keys() - {"step", "failure"} == IDS
        for name in IDS:
            assert payload[name] == f"{{% $states.context.Execution.Input.{name} %}}"
        Task.model_validate(payload | {"call_number": 1})


def test_whatever_becomes_of_the_analysis_a_report_follows() -> None:
    analyse = STATES["Analyse"]
    assert STATES[analyse["Next"]]["Arguments"]["Payload"]["step"] == "report"
    [caught] = analyse["Catch"]
    assert caught["ErrorEquals"] == ["States.ALL"]
    assert STATES[caught["Next"]]["Arguments"]["Payload"]["step"] == "report"
    assert "failure" in STATES[caught["Next"]]["Arguments"]["Payload"]


def test_a_model_that_takes_all_its_time_leaves_enough_for_the_report() -> None:
    assert STATES["Analyse"]["TimeoutSeconds"] < REPORT_OVERDUE_AFTER.total_seconds()


def test_a_second_transcript_comes_before_the_analysis_and_never_keeps_it_away() -> None:
    assert STATES["DecideOnLatePieces"]["Default"] == "Transcribe"
    assert STATES["FinishRecording"]["Next"] == "Transcribe"
    transcribe = STATES["Transcribe"]
    assert transcribe["Arguments"]["Payload"]["step"] == "transcribe"
    assert (transcribe["Next"], transcribe["Catch"]) == (
        "Analyse",
        [{"ErrorEquals": ["States.ALL"], "Next": "Analyse"}],
    )
    assert transcribe["TimeoutSeconds"] > TIMEOUT_SECONDS


@pytest.mark.parametrize(("waited", "finish"), [(0, "LookForRecording"), (LATE_AFTER.seconds, "FinishRecording")])
def test_steps_that_take_all_their_time_leave_the_report_in_time(waited: int, finish: str) -> None:
    steps = (finish, "Transcribe", "Analyse", "Report")
    assert waited + sum(STATES[name]["TimeoutSeconds"] for name in steps) <= 300
