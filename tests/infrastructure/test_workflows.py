"""State machines, read before anything runs them: AWS and the emulator accept more than they can execute."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra.paths import WORKFLOWS

DEFINITIONS = sorted(WORKFLOWS.glob("*.asl.json"))
TERMINAL = {"Succeed", "Fail"}


def load(path: Path) -> dict[str, Any]:
    definition: dict[str, Any] = json.loads(path.read_text())
    return definition


def successors(state: dict[str, Any]) -> set[str]:
    found = {state[key] for key in ("Next", "Default") if key in state}
    for branch in [*state.get("Choices", ()), *state.get("Catch", ())]:
        found.add(branch["Next"])
    return found


def test_there_are_definitions() -> None:
    assert [path.name for path in DEFINITIONS] == ["after_call.asl.json", "run_campaign.asl.json"]


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.name)
def test_every_state_exists_ends_somewhere_and_is_reached(path: Path) -> None:
    definition = load(path)
    states = definition["States"]
    reached, waiting = set(), [definition["StartAt"]]
    while waiting:
        name = waiting.pop()
        assert name in states, f"{name} is named but not defined"
        if name not in reached:
            reached.add(name)
            waiting += successors(states[name])
    assert reached == states.keys()
    for name, state in states.items():
        assert successors(state) or state.get("End") or state["Type"] in TERMINAL, f"{name} leads nowhere"


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.name)
def test_task_has_a_time_limit_and_a_retry(path: Path) -> None:
    for name, state in load(path)["States"].items():
        if state["Type"] == "Task":
            assert state.get("TimeoutSeconds"), name
            assert state.get("Retry"), name


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.name)
def test_nothing_used_that_the_emulator_ignores(path: Path) -> None:
    definition = load(path)
    assert "TimeoutSeconds" not in definition, "the machine's own limit is set by CDK and ignored by the emulator"
    for name, state in definition["States"].items():
        assert "HeartbeatSeconds" not in state, name
        assert not (state["Type"] == "Succeed" and "Output" in state), name
        for retry in state.get("Retry", ()):
            assert "MaxDelaySeconds" not in retry, name


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.name)
def test_placeholders_are_functions_and_states_hold_no_content(path: Path) -> None:
    text = path.read_text()
    function = {"after_call": "AfterCallTasksArn", "run_campaign": "CampaignTasksArn"}[path.name.split(".")[0]]
    assert {*re.findall(r"\$\{(\w+)\}", text)} == {function}
    for word in ("transcript", "messages", "summary"):
        assert f".{word}" not in text, f"{word} in a state would be kept in the execution's history"
