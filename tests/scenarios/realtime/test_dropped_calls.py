"""Tool calls the model no longer wants the results of."""

from collections.abc import Mapping
from typing import Any

import pytest

from media.speech.interfaces import ToolCall
from media.speech.speech_to_speech import CallsDropped, CallsWanted
from sovereign.calls.model import EndReason
from tests.scenarios.conversation.world import says
from tests.scenarios.realtime.test_tools_and_orders import END_CALL, LOOKUP
from tests.scenarios.realtime.test_workflows import lines
from tests.scenarios.realtime.world import RealtimeWorld, Reply, play

QUIET_LOOKUP = LOOKUP.model_copy(update={"message": None})
FIRST, SECOND = ToolCall("c1", "lookup", {"id": "7"}), ToolCall("c2", "lookup", {"id": "8"})


def drop(*ids: str) -> Any:
    async def act(world: RealtimeWorld) -> None:
        world.model.sessions[-1].out.put_nowait(CallsDropped(ids))

    return act


@pytest.mark.parametrize(
    ("dropped_at", "answered_after"),
    [
        pytest.param(2.5, 2.0, id="while the tool runs"),
        pytest.param(3.2, 1.0, id="while the result waits for the caller to finish"),
    ],
)
def test_result_of_a_dropped_call_is_not_given_and_the_conversation_goes_on(
    dropped_at: float, answered_after: float
) -> None:
    world = play(
        RealtimeWorld(
            [says(1.0, "where is it", 0.5), says(2.3, "no wait I mean the other one", 2.0)],
            [Reply(calls=[FIRST]), "Which other one?"],
            tools=(QUIET_LOOKUP,),
            tool_answers={"lookup": (answered_after, {"status": "sent"})},
            acts=[(dropped_at, drop("c1"))],
            hangs_up_at=30.0,
        )
    )
    assert not [kind for kind, _ in world.asked if kind in {"result", "inform"}]
    assert world.said()[-1] == ("assistant", "Which other one?")
    # nothing that was not asked is waited for
    assert len(world.model.sessions) == 1
    assert world.outcome.end_reason is EndReason.USER_HANGUP


def test_of_two_calls_the_one_still_wanted_is_answered() -> None:
    world = play(
        RealtimeWorld(
            [says(1.0, "where are they", 0.5)],
            [Reply(calls=[FIRST, SECOND]), "One is there."],
            tools=(QUIET_LOOKUP,),
            tool_answers={"lookup": (2.0, {"status": "sent"})},
            acts=[(2.5, drop("c1"))],
        )
    )
    assert [kind for kind, _ in world.asked].count("result") == 1
    assert world.said()[-1] == ("assistant", "One is there.")


def test_line_for_a_model_that_waits_is_not_the_answer_to_a_dropped_call() -> None:
    async def want(world: RealtimeWorld) -> None:
        world.model.sessions[-1].out.put_nowait(CallsWanted([FIRST]))

    world = play(
        RealtimeWorld(
            [says(1.0, "no wait I mean the other one", 2.0)],
            tools=(LOOKUP,),
            verbatim=False,
            tool_answers={"lookup": (9.0, {"status": "sent"})},
            acts=[(1.5, want), (2.0, drop("c1"))],
        )
    )
    assert LOOKUP.message is not None
    assert [text for kind, text in world.asked if kind == "speak"] == [LOOKUP.message]
    assert not [kind for kind, _ in world.asked if kind == "result"]


def test_dropped_hanging_up_does_not_end_the_call() -> None:
    world = play(
        RealtimeWorld(
            [says(1.0, "bye", 0.5)],
            [Reply(calls=[FIRST, ToolCall("e1", "end_call", {})])],
            tools=(QUIET_LOOKUP, END_CALL),
            tool_answers={"lookup": (2.0, {"status": "sent"})},
            acts=[(2.5, drop("e1"))],
            hangs_up_at=20.0,
        )
    )
    assert world.outcome.end_reason is EndReason.USER_HANGUP


@pytest.mark.parametrize(
    ("asked_again_at", "breaks"),
    [pytest.param(5.0, {}, id="on the same connection"), pytest.param(9.0, {1: 6.0}, id="on the next connection")],
)
def test_dropped_call_whose_tool_still_runs_when_its_id_comes_again_is_not_answered(
    asked_again_at: float, breaks: Mapping[int, float]
) -> None:
    """Only the later call is; nor does the dropped one keep the model waiting when the connection breaks."""
    world = play(
        RealtimeWorld(
            [says(1.0, "where is it", 0.5), says(asked_again_at, "where is it now", 0.5)],
            [Reply(calls=[FIRST]), Reply(calls=[FIRST]), "It is on its way.", "And once more."],
            tools=(QUIET_LOOKUP,),
            tool_answers={"lookup": (9.0, {"status": "sent"})},
            acts=[(2.5, drop("c1"))],
            breaks=breaks,
            hangs_up_at=45.0,
        )
    )
    assert [kind for kind, _ in world.asked] == ["result"]
    assert lines(world) == ["It is on its way."]
