"""The consent step and the order of what is said first, in virtual time."""

import asyncio
from typing import Any

import pytest

from media.conversation.settings import ConversationSettings, Silence
from media.telephony.leg import LegAnswered, LegClosed, LegClosedBy, LegDigit
from sovereign.calls.model import EndReason
from tests.scenarios.conversation.world import World, play, says

DISCLOSURE = "I am an AI."
QUESTION = "This call is recorded. Press one to agree, two to end the call."
GREETING = "Hello there."
SETTINGS: dict[str, Any] = {
    "disclosure": DISCLOSURE,
    "consent": QUESTION,
    "first_message": GREETING,
    "recording_without_notice": True,
}
ASKED = 0.05 + 11 * 0.05 + 0.05 + len(QUESTION) * 0.05 - 0.05
"""When the question has been heard, about."""


def asked(*keys: tuple[float, str], timeline: Any = (), **settings: Any) -> World:
    events = [(at, LegDigit(key)) for at, key in keys]
    conversation = ConversationSettings(**(SETTINGS | settings))
    return World(timeline=timeline, settings=conversation, events=events, answers=["Good."], hangs_up_at=60.0)


def cleared_at(world: World) -> list[float | None]:
    """Play, and tell when listening and recording became allowed."""
    found: list[float | None] = [None, None]

    async def look(world: World) -> None:
        while True:
            parts = world.session._parts
            if parts is not None:
                for place, event in enumerate((parts.clearance.listening, parts.clearance.recording)):
                    if event.is_set() and found[place] is None:
                        found[place] = asyncio.get_running_loop().time()
            await asyncio.sleep(0.01)

    world.acts = [*world.acts, (0.0, look)]
    play(world)
    return found


def texts(world: World) -> list[str]:
    return [text for _, text in world.said()]


def test_one_goes_on_with_the_greeting() -> None:
    world = play(asked((6.0, "1")))
    assert texts(world)[:3] == [DISCLOSURE, QUESTION, GREETING]
    assert world.starts(GREETING) == pytest.approx(6.05, abs=0.03)
    assert world.outcome.end_reason is EndReason.USER_HANGUP


def test_one_during_the_question_cuts_it_short() -> None:
    world = play(asked((2.0, "1")))
    assert texts(world)[1] != QUESTION
    assert world.starts(GREETING) == pytest.approx(2.05, abs=0.03)


def test_two_ends_the_call() -> None:
    world = play(asked((6.0, "2")))
    assert world.outcome.end_reason is EndReason.CONSENT_DECLINED
    assert world.log.first("hang up") == pytest.approx(6.0, abs=0.02)
    assert GREETING not in texts(world)


def test_nothing_repeats_the_question_once_and_then_ends() -> None:
    world = play(asked())
    assert world.outcome.end_reason is EndReason.CONSENT_TIMEOUT
    assert texts(world) == [DISCLOSURE, QUESTION, QUESTION]
    again = ASKED + 10 + 0.05 + len(QUESTION) * 0.05
    assert world.log.first("hang up") == pytest.approx(again + 10, abs=0.2)


def test_one_after_the_repetition_goes_on() -> None:
    world = play(asked((20.0, "1")))
    assert texts(world)[:4] == [DISCLOSURE, QUESTION, QUESTION, GREETING]


@pytest.mark.parametrize("key", ["0", "3", "9", "*", "#", "A"])
def test_another_key_is_no_answer(key: str) -> None:
    world = play(asked((6.0, key)))
    assert world.outcome.end_reason is EndReason.CONSENT_TIMEOUT
    assert all("[keypad]" not in text for text in texts(world))


def test_a_key_before_the_question_is_no_answer_to_it() -> None:
    assert play(asked((0.2, "1"))).outcome.end_reason is EndReason.CONSENT_TIMEOUT


def test_speech_before_the_answer_is_heard_by_nobody() -> None:
    world = asked((8.0, "1"), timeline=[says(1.0, "my name is Ann"), says(5.0, "do you hear me")])
    listening, recording = cleared_at(world)
    assert (listening, recording) == (pytest.approx(8.0, abs=0.02), pytest.approx(8.0, abs=0.02))
    assert world.model.requests == []
    assert all(role == "assistant" for role, _ in world.said())
    assert world.recogniser.opened == 1


def test_without_an_answer_the_recogniser_is_never_opened() -> None:
    world = asked(timeline=[says(1.0, "my name is Ann")])
    assert cleared_at(world) == [None, None]
    assert world.recogniser.opened == 0
    assert world.model.requests == []


def test_speech_after_the_answer_is_heard() -> None:
    world = play(asked((6.0, "1"), timeline=[says(8.0, "do you hear me")]))
    assert ("user", "do you hear me") in world.said()
    assert texts(world)[-1] == "Good."


def test_only_audio_from_the_answer_on_is_sent_to_the_recogniser() -> None:
    world = asked((6.0, "1"), timeline=[says(5.0, "one two three four five six seven eight nine ten", 5.0)])
    world.hangs_up_at = 16.0
    play(world)
    assert world.outcome.latency["usage"]["stt"]["audio_seconds"] == pytest.approx(10.0, abs=0.1)


@pytest.mark.parametrize("at", [0.3, 2.0, 6.0, 15.0, 17.0, 25.0])
def test_a_hang_up_at_any_moment_of_it_ends_the_call(at: float) -> None:
    world = asked()
    world.hangs_up_at = at
    assert play(world).outcome.end_reason is EndReason.USER_HANGUP
    assert world.log.first("hang up") == pytest.approx(at, abs=0.02)


def test_the_maximum_duration_ends_it_too() -> None:
    world = asked()
    world.max_duration = 7.0
    assert play(world).outcome.end_reason is EndReason.MAX_DURATION


def test_a_silent_caller_is_not_asked_whether_they_are_there_meanwhile() -> None:
    policy = Silence(messages=["Hello?"], first_check_seconds=1)
    world = play(asked(silence=policy))
    assert world.outcome.end_reason is EndReason.CONSENT_TIMEOUT
    assert "Hello?" not in texts(world)


def test_the_model_opens_only_after_the_answer() -> None:
    world = play(asked((6.0, "1"), first_message=None))
    assert world.log.first("model asked 1") == pytest.approx(6.0, abs=0.02)


def test_context_that_asks_for_an_answer_waits_for_the_consent() -> None:
    async def inject(world: World) -> None:
        await world.session.command({"type": "inject-context", "content": "VIP.", "trigger_response": True})

    world = asked((8.0, "1"), first_message="")
    world.acts = [(2.0, inject)]
    play(world)
    assert world.log.first("model asked 1") == pytest.approx(8.0, abs=0.02)


def handed_over(*keys: tuple[float, str], **changes: Any) -> World:
    async def order(world: World) -> None:
        await world.session.command({"type": "transfer", "destination": "+31201234567"})

    world = asked(*keys)
    world.acts, world.ways = [(1.0, order)], "bridge"
    for name, value in changes.items():
        setattr(world, name, value)
    return play(world)


def test_a_caller_who_is_handed_over_meanwhile_is_not_let_go_for_want_of_an_answer() -> None:
    world = handed_over(second_events=[(25.0, LegAnswered()), (40.0, LegClosed(LegClosedBy.PEER))])
    assert world.outcome.end_reason is EndReason.TRANSFERRED
    assert texts(world) == [DISCLOSURE, QUESTION]


def test_a_caller_who_was_not_handed_over_is_asked_again() -> None:
    world = handed_over((26.0, "1"), second_events=[(15.0, LegClosed(LegClosedBy.FAILED, 486))])
    assert texts(world)[:4] == [DISCLOSURE, QUESTION, QUESTION, GREETING]
    again = world.log.times(f"agent speaks {world.synthesiser.numbers['This call is recorded.']}")[1]
    assert again == pytest.approx(world.log.first("dial") + 15.1, abs=0.2)


# what is said before a recording


def test_a_notice_is_spoken_after_the_disclosure_and_before_the_recording_begins() -> None:
    world = asked(consent=None, recording_notice="We record this call.", recording_without_notice=False)
    listening, recording = cleared_at(world)
    assert texts(world)[:3] == [DISCLOSURE, "We record this call.", GREETING]
    notice_ended = world.starts("We record this call.") + 20 * 0.05
    assert listening == pytest.approx(0.0, abs=0.02)
    assert recording == pytest.approx(notice_ended, abs=0.03)


def test_a_notice_that_was_not_heard_clears_nothing() -> None:
    world = asked(consent=None, recording_notice="We record this call.", recording_without_notice=False)
    world.hangs_up_at = 1.0
    assert cleared_at(world)[1] is None


def test_without_a_notice_nothing_is_recorded_where_one_is_needed() -> None:
    assert cleared_at(asked(consent=None, recording_without_notice=False))[1] is None


def test_an_inbound_call_without_a_consent_step_may_be_recorded_at_once() -> None:
    assert cleared_at(asked(consent=None))[1] == pytest.approx(0.0, abs=0.02)


def test_consent_and_notice_both_come_before_the_recording() -> None:
    world = asked((6.0, "1"), recording_notice="We record this call.")
    _, recording = cleared_at(world)
    assert texts(world)[:4] == [DISCLOSURE, QUESTION, "We record this call.", GREETING]
    assert recording == pytest.approx(world.starts("We record this call.") + 1.0, abs=0.03)
