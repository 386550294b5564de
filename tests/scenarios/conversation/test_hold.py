"""Calls that the far end puts on hold, in virtual time: nobody is listened to, answered or asked meanwhile."""

from typing import Any

import pytest

from media.conversation.settings import ConversationSettings, Silence
from media.telephony.leg import LegHeld, LegResumed
from sovereign.calls.model import EndReason
from tests.scenarios.conversation.world import World, play, says

HELD, BACK = 4.0, 60.0
ASKS = "Are you there?"


def held(*timeline: Any, **changes: Any) -> World:
    policy = Silence(messages=[ASKS], first_check_seconds=3, interval_seconds=3, max_attempts=1)
    script: dict[str, Any] = {
        "timeline": [says(1.0, "hold the line please"), *timeline],
        "answers": ["Sure.", "It is open."],
        "settings": ConversationSettings(first_message="", silence=policy),
        "events": [(HELD, LegHeld()), (BACK, LegResumed())],
        "hangs_up_at": BACK + 20.0,
    }
    return World(**(script | changes))


def test_music_on_hold_is_neither_understood_nor_answered() -> None:
    world = play(held(says(HELD + 2.0, "all the lonely people where do they all come from", 9.0)))
    assert len(world.model.requests) == 1
    assert [text for role, text in world.said() if role == "user"] == ["hold the line please"]


def test_the_recogniser_hears_silence_on_hold_without_a_gap() -> None:
    world = play(held())
    assert world.outcome.latency is not None
    assert world.outcome.latency["usage"]["stt"]["audio_seconds"] == pytest.approx(world.log.first("hang up"), abs=0.5)


def test_who_comes_back_from_hold_is_answered() -> None:
    world = play(held(says(BACK + 1.0, "are you open")))
    assert world.said()[2:4] == [("user", "are you open"), ("assistant", "It is open.")]


def test_nobody_is_asked_or_given_up_for_silence_on_hold() -> None:
    world = play(held())
    assert world.starts(ASKS) == pytest.approx(BACK + 3.0, abs=0.2)
    assert world.outcome.end_reason is EndReason.SILENCE_TIMEOUT


def test_who_comes_back_gets_all_attempts_again() -> None:
    asked_once = HELD + 2.0
    world = play(held(events=[(asked_once, LegHeld()), (BACK, LegResumed())]))
    assert len([text for _, text in world.said() if text == ASKS]) == 2
    assert world.log.first("hang up") > BACK + 6.0
