"""Connections that break in the midst of what must be heard whole: disclosure, consent question, recording notice."""

import asyncio
from typing import Any

import pytest

from media.conversation.settings import ConversationSettings
from media.telephony.leg import LegDigit
from sovereign.calls.model import EndReason
from tests.scenarios.realtime.world import RealtimeWorld, play

LINE = "This call is recorded for the quality of our service and for the training of the people in our house."
SECONDS = len(LINE) * 0.05


def noting(found: list[float]) -> Any:
    """Notes when the recording may begin."""

    async def watch(world: RealtimeWorld) -> None:
        while (parts := world.session._parts) is None or not parts.clearance.recording.is_set():
            await asyncio.sleep(0.02)
        found.append(asyncio.get_running_loop().time())

    return [(0.0, watch)]


def test_recording_does_not_begin_before_the_whole_notice_was_heard() -> None:
    found: list[float] = []
    world = play(
        RealtimeWorld(
            settings=ConversationSettings(recording_notice=LINE, first_message="Hello."),
            breaks={1: 0.5},
            acts=noting(found),
            hangs_up_at=30.0,
        )
    )
    assert world.asked == [("speak", LINE), ("speak", LINE), ("speak", "Hello.")]
    (allowed,) = found
    assert allowed >= world.log.first("connect 2") + SECONDS


@pytest.mark.parametrize("breaks", [{1: 0.3}, {1: 0.8}])
def test_consent_is_asked_for_again_and_nothing_else_is_said_in_the_meantime(breaks: dict[int, float]) -> None:
    world = play(
        RealtimeWorld(
            replies=["So how can I help?"],
            settings=ConversationSettings(disclosure="I am a machine.", consent=LINE, first_message="Hello."),
            breaks=breaks,
            events=[(15.0, LegDigit("1"))],
            hangs_up_at=30.0,
        )
    )
    said = [text for kind, text in world.asked if kind == "speak"]
    assert said[-2:] == [LINE, "Hello."]
    assert len(said) == 4
    assert {kind for kind, _ in world.asked} == {"speak"}
    assert world.starts("Hello.") >= 15.0


@pytest.mark.parametrize(
    ("pressed_at", "asked"),
    [pytest.param(3.5, 1, id="before it is asked again"), pytest.param(4.7, 2, id="before it is said again")],
)
def test_question_that_was_answered_meanwhile_is_not_heard_again(pressed_at: float, asked: int) -> None:
    world = play(
        RealtimeWorld(
            settings=ConversationSettings(consent=LINE, first_message="Hello."),
            breaks={1: 0.6},
            connect_delay=2.0,
            events=[(pressed_at, LegDigit("1"))],
            hangs_up_at=20.0,
        )
    )
    assert world.asked == [("speak", LINE)] * asked + [("speak", "Hello.")]
    assert len(world.log.times(f"agent speaks {world.numbers[LINE]}")) == 1
    assert len(world.said()) == 2


def test_line_that_broke_off_is_given_up_with_a_model_that_is_gone() -> None:
    found: list[float] = []
    world = play(
        RealtimeWorld(
            settings=ConversationSettings(recording_notice=LINE, first_message="Hello."),
            breaks={1: 0.5, 2: 0.5},
            acts=noting(found),
            hangs_up_at=30.0,
        )
    )
    assert world.outcome.end_reason is EndReason.PROVIDER_ERROR
    assert found == []
