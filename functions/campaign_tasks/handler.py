"""Entry point: a turn of an execution, a batch of news, or the minute's sweep."""

from typing import Any, Literal

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict

from functions.campaign_tasks import wiring
from functions.campaign_tasks.news import hear
from sovereign.campaigns.runner import Turn
from sovereign.kernel.observe import logger

MOST_TURNS = 400
"""Turns of one execution: each leaves about ten events, and its history should end before 5,000."""


class Task(BaseModel):
    """The state machine's input: ids only."""

    model_config = ConfigDict(extra="forbid")

    step: Literal["run"]
    org_id: str
    campaign_id: str
    generation: int
    turn: int


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Do what the event asks for; raising makes the state machine, the queue or the next minute try again."""
    if "Records" in event:
        return hear(event["Records"], wiring.moves(), wiring.attendance())
    if event.get("source") == "sovereign.schedule":
        return {"started": wiring.attendance().sweep()}
    return _turn(Task.model_validate(event)).answer()


def _turn(task: Task) -> Turn:
    if task.turn >= MOST_TURNS:
        wiring.attendance().succeed(task.org_id, task.campaign_id, task.generation)
        return Turn("done")
    with wiring.running() as runner:
        turn = runner.run(task.org_id, task.campaign_id, task.generation)
    logger().info("campaign_turn", campaign_id=task.campaign_id, generation=task.generation, next=turn.next)
    return turn
