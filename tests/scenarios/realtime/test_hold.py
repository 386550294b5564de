"""Calls of a speech-to-speech model that the far end puts on hold."""

from typing import Any

import pytest

from media.conversation.settings import ConversationSettings, Silence
from media.telephony.leg import LegDigit, LegHeld, LegResumed
from sovereign.calls.model import EndReason
from tests.scenarios.conversation.world import Sound, says
from tests.scenarios.realtime.world import RealtimeWorld, play

HELD, BACK = 4.0, 40.0
ASKS = "Are you there?"


def held(*timeline: Sound, **changes: Any) -> RealtimeWorld:
    policy = Silence(messages=[ASKS], first_check_seconds=3, interval_seconds=3, max_attempts=1)
    script: dict[str, Any] = {
        "replies": ["Sure.", "Welcome back."],
        "settings": ConversationSettings(first_message="", silence=policy),
        "events": [(HELD, LegHeld()), (BACK, LegResumed())],
        "hangs_up_at": BACK + 8.0,
    }
    return RealtimeWorld(timeline, **(script | changes))


def test_words_that_the_hold_cuts_short_are_answered_on_hold() -> None:
    world = play(held(says(HELD - 1.5, "please hold the line", 1.6), says(BACK + 1.0, "I am back")))
    assert HELD < world.starts("Sure.") < HELD + 1.0
    assert world.starts("Welcome back.") > BACK + 1.0


def test_music_on_hold_is_neither_understood_nor_answered() -> None:
    asked = says(1.0, "hold the line please", 1.0)
    world = play(held(asked, says(HELD + 2.0, "all the lonely people where do they all come from", 9.0)))
    assert world.fed_voice == pytest.approx(1.0, abs=0.1)
    assert [text for role, text in world.said() if role == "user"] == ["hold the line please"]


def test_nobody_is_asked_whether_they_are_there_on_hold() -> None:
    world = play(held(says(1.0, "hold the line please", 1.0)))
    assert world.starts(ASKS) == pytest.approx(BACK + 3.0, abs=0.5)


def test_nobody_is_let_go_on_hold_for_want_of_a_consent() -> None:
    question = "This call is recorded. Press one to agree."
    world = play(
        held(
            settings=ConversationSettings(consent=question, first_message="Hello there."),
            events=[(HELD, LegHeld()), (BACK, LegResumed()), (BACK + 3.0, LegDigit("1"))],
        )
    )
    assert [text for _, text in world.said()] == [question, question, "Hello there."]
    assert world.outcome.end_reason is EndReason.USER_HANGUP
