"""The function behind the state machine: what each kind of event does, and what the machine is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from moto import mock_aws

from functions.campaign_tasks import wiring
from functions.campaign_tasks.handler import MOST_TURNS, handler
from sovereign.campaigns.runner import CampaignRunner
from sovereign.kernel import settings
from tests.component.calls.harness import ORG
from tests.component.campaigns.simulation.world import World


@pytest.fixture
def world(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The area's, whose parts are the function's."""

    @contextmanager
    def running() -> Iterator[CampaignRunner]:
        yield world.runner_of()

    monkeypatch.setattr(wiring, "attendance", lambda: world.attendance)
    monkeypatch.setattr(wiring, "moves", lambda: world.moves)
    monkeypatch.setattr(wiring, "running", running)
    return world


def turn(world: World, number: int, generation: int = 1) -> dict[str, Any]:
    ids = {"org_id": ORG, "campaign_id": world.campaign_id}
    return handler({"step": "run", **ids, "generation": generation, "turn": number}, None)  # type: ignore[arg-type]


def test_sweep_starts_what_runs_unattended_and_a_turn_says_what_comes_next(world: World) -> None:
    assert handler({"source": "sovereign.schedule", "task": "campaigns"}, None) == {"started": 1}  # type: ignore[arg-type]
    told = turn(world, 0)
    assert told["next"] in ("again", "wait")
    assert (told["until"] == "") is (told["next"] == "again")
    assert world.rings


def test_turn_of_a_campaign_that_is_gone_is_the_last(world: World) -> None:
    world.campaigns.update(ORG, world.campaign_id, {"status": "cancelled"})
    assert turn(world, 0) == {"next": "done", "until": ""}


def test_execution_with_a_long_history_is_replaced_by_the_next_generation(world: World) -> None:
    world.attendance.sweep()
    assert turn(world, MOST_TURNS) == {"next": "done", "until": ""}
    assert world.campaign().run.generation == 2
    assert turn(world, MOST_TURNS) == {"next": "done", "until": ""}
    assert world.campaign().run.generation == 2, "the older generation replaces nothing"


def test_history_of_an_execution_stays_below_five_thousand_events() -> None:
    task, choice, wait, begin_and_end = 5, 2, 2, 6
    assert MOST_TURNS * (task + choice + wait) + begin_and_end < 5000


def test_start_that_is_repeated_is_one_execution(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"TABLE_NAME": "t", "NODE_GATEWAY_FUNCTION": "g", "AWS_DEFAULT_REGION": "eu-west-1"}
    credentials = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    for name, value in {**names, **credentials}.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        machines = boto3.client("stepfunctions")
        role = "arn:aws:iam::123456789012:role/r"
        arn = machines.create_state_machine(name="m", definition="{}", roleArn=role)["stateMachineArn"]
        monkeypatch.setenv("RUN_CAMPAIGN_ARN", arn)
        settings.read_environment.cache_clear()
        for _ in range(2):
            wiring._start(ORG, "5c3b7a52-31a2-4fd7-8f6f-0c6a2f7e1d90", 7)
        (execution,) = machines.list_executions(stateMachineArn=arn)["executions"]
    settings.read_environment.cache_clear()
    assert execution["name"] == "5c3b7a52-31a2-4fd7-8f6f-0c6a2f7e1d90-7"
