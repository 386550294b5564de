"""Connections that break in the midst of something: a tool, a walk, a goodbye, the caller's own turn."""

from typing import Any

from media.conversation.settings import ConversationSettings
from media.speech.interfaces import ToolCall
from media.telephony.leg import LegDigit
from tests.scenarios.conversation.test_workflow_graph import way
from tests.scenarios.realtime.test_workflows import lines
from tests.scenarios.realtime.world import RealtimeWorld, play

LONG = "This is a long answer of the model which has been made whole long before it has been heard to its end."
ENDING = ToolCall("e1", "end_call", {})
EDGES = [way("a", "check"), {"from": "check", "to": "c"}]


def ordering_end(at: float, message: str) -> Any:
    async def end(world: RealtimeWorld) -> None:
        await world.session.command({"type": "end-call", "message": message})

    return [(at, end)]


# the call ends


def test_question_asked_before_a_break_does_not_silence_what_comes_after() -> None:
    """Each connection may name its stretches of speech as the one before did."""
    settings = ConversationSettings(consent="Press one to agree.", first_message="Hello.")
    world = play(RealtimeWorld(settings=settings, events=[(5.0, LegDigit("1"))], breaks={1: 3.0}, hangs_up_at=20.0))
    assert lines(world) == ["Press one to agree.", "Hello."]
    assert world.starts("Hello.") < 6.0
