"""Outbound calls that a machine answers, or a person who sounds like one, in virtual time."""

from typing import Any

import pytest

from media.conversation.events import BeepEnded, BeepHeard
from media.conversation.settings import ConversationSettings
from media.telephony.leg import LegClosed, LegClosedBy
from sovereign.calls.model import EndReason
from tests.scenarios.conversation.world import Sound, World, noise, play, says

GREETING = "Hello, this is the bakery."
MESSAGE = "Please call the bakery back."
MACHINE = "you have reached the voicemail of daniel please leave a message after the tone"
LONG = "well let me tell you all about the many things we have here today and more of them still to come my friend"


def dialled(*timeline: Sound, **changes: Any) -> World:
    settings = {"first_message": GREETING, "voicemail_detection": True, "voicemail_message": MESSAGE}
    settings |= changes.pop("settings", {})
    script: dict[str, Any] = {"answers": ["Good."], "hangs_up_at": 70.0, "interim": True}
    return World(timeline=timeline, settings=ConversationSettings(**settings), **(script | changes))


def beep(at: float, seconds: float = 0.4, hertz: float = 1000.0) -> list[Any]:
    async def hear(world: World) -> None:
        world.session._parts.conversation.post(BeepHeard(hertz))  # type: ignore[union-attr]

    async def end(world: World) -> None:
        world.session._parts.conversation.post(BeepEnded())  # type: ignore[union-attr]

    return [(at + 0.15, hear), (at + seconds, end)]


def texts(world: World) -> list[str]:
    return [text for role, text in world.said() if role == "assistant"]


# a person


def test_the_greeting_waits_for_the_end_of_the_first_words() -> None:
    world = play(dialled(says(0.5, "hello this is daniel", 1.2)))
    assert 1.7 + 0.4 <= world.starts(GREETING) <= 1.7 + 0.4 + 0.3
    assert texts(world) == [GREETING]
    assert world.model.requests == []


def test_the_greeting_comes_by_itself_when_nobody_speaks() -> None:
    assert play(dialled()).starts(GREETING) == pytest.approx(2.55, abs=0.03)


def test_a_greeting_over_a_long_first_sentence_begins_in_time_and_is_not_interrupted_by_it() -> None:
    words = "good morning this is daniel from the front desk of the grand hotel"
    world = play(dialled(says(0.5, words, 4.0)))
    assert world.starts(GREETING) == pytest.approx(2.55, abs=0.03)
    assert texts(world) == [GREETING]
    assert ("user", words) in world.said()


def test_the_model_knows_who_answered() -> None:
    world = play(dialled(says(0.5, "hello this is daniel", 1.2), says(6.0, "yes please")))
    contents = [message.content for message in world.model.requests[0]]
    assert contents == ["hello this is daniel", GREETING, "yes please"]


def test_a_model_that_opens_does_so_after_the_first_words() -> None:
    world = play(dialled(says(0.5, "hello", 0.5), settings={"first_message": None}))
    assert world.log.first("model asked 1") == pytest.approx(1.0 + 0.4, abs=0.15)
    assert len(world.model.requests) == 1


def test_a_cough_is_no_reason_to_wait_longer() -> None:
    assert play(dialled(noise(0.5, 0.4))).starts(GREETING) <= 1.6


def test_a_person_who_interrupts_the_greeting_is_answered() -> None:
    world = play(dialled(says(0.5, "hello", 0.5), says(2.0, "wait who is this calling", 1.5)))
    assert texts(world)[-1] == "Good."
    assert world.outcome.end_reason is EndReason.USER_HANGUP


def test_a_long_answer_to_the_agent_is_no_machine() -> None:
    world = play(dialled(says(0.5, "hello", 0.5), says(4.0, LONG, 9.0)))
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert texts(world)[-1] == "Good."


def test_without_detection_the_greeting_starts_at_once_and_nothing_is_a_machine() -> None:
    world = play(dialled(says(1.0, MACHINE, 5.0), settings={"voicemail_detection": False}))
    assert world.starts(GREETING) == pytest.approx(0.05, abs=0.02)
    assert world.outcome.end_reason is EndReason.USER_HANGUP


def test_the_disclosure_waits_too_and_is_spoken_first() -> None:
    world = play(dialled(says(0.5, "hello", 0.5), settings={"disclosure": "I am an AI."}))
    assert texts(world) == ["I am an AI.", GREETING]
    assert world.starts("I am an AI.") > 1.3


# a machine


def test_a_machine_gets_the_message_when_its_greeting_is_over() -> None:
    world = play(dialled(says(0.5, MACHINE, 5.0)))
    assert world.outcome.end_reason is EndReason.VOICEMAIL
    assert texts(world)[-1] == MESSAGE
    assert world.starts(MESSAGE) == pytest.approx(5.5 + 2.0, abs=0.2)
    assert world.log.first("hang up") == pytest.approx(world.starts(MESSAGE) + len(MESSAGE) * 0.05 + 0.1, abs=0.05)
    assert world.model.requests == []


def test_the_message_follows_the_beep() -> None:
    world = play(dialled(says(0.5, MACHINE, 5.0), acts=beep(6.3)))
    assert world.starts(MESSAGE) == pytest.approx(6.7 + 0.1 + 0.05, abs=0.05)
    assert texts(world).count(MESSAGE) == 1


def test_a_machine_that_is_interrupted_by_the_greeting_still_counts() -> None:
    world = play(dialled(says(0.3, "hi it is daniel", 1.0), says(2.3, "leave a message after the tone", 2.5)))
    assert world.outcome.end_reason is EndReason.VOICEMAIL
    assert texts(world)[-1] == MESSAGE
    assert texts(world)[0] != GREETING


def test_interim_words_are_enough() -> None:
    world = play(dialled(says(0.5, MACHINE, 20.0), settings={"voicemail_message": None}))
    words_until_known = 7  # "you have reached the voicemail of daniel ..."
    assert world.log.first("hang up") < 0.5 + 20.0 * words_until_known / 15
    assert world.outcome.end_reason is EndReason.VOICEMAIL


def test_without_a_message_it_hangs_up_at_once() -> None:
    world = play(dialled(says(0.2, MACHINE, 3.0), settings={"voicemail_message": None}))
    assert world.outcome.end_reason is EndReason.VOICEMAIL
    assert world.log.first("hang up") < 2.5
    assert texts(world) == []


def test_six_seconds_without_a_pause_are_a_machine() -> None:
    world = play(dialled(says(0.5, LONG, 8.0), settings={"voicemail_message": None}))
    assert world.outcome.end_reason is EndReason.VOICEMAIL
    assert world.log.first("hang up") == pytest.approx(6.5, abs=0.1)


def test_five_seconds_are_not() -> None:
    assert play(dialled(says(0.5, LONG, 5.0))).outcome.end_reason is EndReason.USER_HANGUP


def test_a_beep_alone_is_a_machine() -> None:
    world = play(dialled(acts=beep(1.0)))
    assert world.outcome.end_reason is EndReason.VOICEMAIL
    assert world.starts(MESSAGE) == pytest.approx(1.4 + 0.1 + 0.05, abs=0.03)


def test_a_low_tone_is_a_ringing_line_and_no_machine() -> None:
    assert play(dialled(acts=beep(1.0, 1.0, 425.0))).outcome.end_reason is EndReason.USER_HANGUP


def test_a_beep_into_the_message_makes_it_start_again() -> None:
    world = play(dialled(says(0.5, MACHINE, 5.0), acts=beep(8.0)))
    number = world.synthesiser.numbers[MESSAGE]
    assert len(world.log.times(f"agent speaks {number}")) == 2
    assert world.outcome.end_reason is EndReason.VOICEMAIL
    assert world.log.first("hang up") == pytest.approx(8.4 + 0.05 + len(MESSAGE) * 0.05 + 0.1, abs=0.05)


def test_a_long_message_is_spoken_to_its_end() -> None:
    message = " ".join(["This is a long message of the bakery about your order."] * 16)
    world = play(dialled(says(0.5, MACHINE, 3.0), settings={"voicemail_message": message}, hangs_up_at=120.0))
    assert texts(world)[-1] == message


def test_the_disclosure_comes_before_the_message_even_if_the_greeting_was_told_too() -> None:
    settings = {"disclosure": "I am an AI."}
    assert texts(play(dialled(says(0.1, MACHINE, 2.0), settings=settings)))[-1] == f"I am an AI. {MESSAGE}"
    # what was said before the beep is not on the machine
    said_before = play(dialled(says(0.5, "hello", 0.4), says(3.0, MACHINE, 5.0), acts=beep(8.5), settings=settings))
    assert texts(said_before)[0] == "I am an AI."
    assert texts(said_before)[-1] == f"I am an AI. {MESSAGE}"


@pytest.mark.parametrize("at", [0.3, 1.0, 4.0, 6.0, 8.0])
def test_a_far_end_that_hangs_up_ends_the_call_once(at: float) -> None:
    world = play(dialled(says(0.5, MACHINE, 5.0), events=[(at, LegClosed(LegClosedBy.PEER))]))
    expected = EndReason.USER_HANGUP if at < 3.0 else EndReason.VOICEMAIL
    assert world.outcome.end_reason is expected
    assert len(world.log.times("hang up")) == 1


def test_a_greeting_without_an_end_is_spoken_over() -> None:
    world = play(dialled(says(0.5, MACHINE, 100.0), hangs_up_at=90.0))
    assert world.outcome.end_reason is EndReason.VOICEMAIL
    assert world.log.first("hang up") < 60.0


def test_the_maximum_duration_ends_the_wait() -> None:
    world = play(dialled(says(0.5, MACHINE, 100.0), max_duration=15.0))
    assert world.log.first("hang up") == pytest.approx(15.0, abs=0.02)
    assert world.outcome.end_reason is EndReason.VOICEMAIL


def test_a_voice_that_fails_over_the_message_still_ends_the_call() -> None:
    world = play(dialled(says(0.5, MACHINE, 5.0), tts_fails=lambda text, attempt, at: text == MESSAGE))
    assert world.outcome.end_reason is EndReason.VOICEMAIL


def test_nothing_of_a_machines_call_is_cleared_for_recording_before_its_notice() -> None:
    cleared: list[bool] = []

    async def look(world: World) -> None:
        cleared.append(world.session._parts.clearance.recording.is_set())  # type: ignore[union-attr]

    play(dialled(says(0.1, MACHINE, 2.0), settings={"recording_notice": "Recorded."}, acts=[(5.0, look)]))
    assert cleared == [False]
