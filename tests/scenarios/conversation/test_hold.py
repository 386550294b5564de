"""Calls that the far end puts on hold, in virtual time: nobody is listened to, answered or asked meanwhile."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from media.conversation.consent import ANSWER_SECONDS, Away, ConsentStep
from media.conversation.settings import ConversationSettings, Silence
from media.conversation.utterance import Utterance
from media.telephony.leg import LegClosed, LegClosedBy, LegDigit, LegHeld, LegResumed
from sovereign.calls.model import EndReason
from tests.scenarios.conversation.test_consent import DISCLOSURE, GREETING, QUESTION, asked, handed_over, texts
from tests.scenarios.conversation.world import RATE, World, play, says
from tests.virtual_time import run_virtual

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


# while the caller is asked for their consent

FIRST_PART = "This call is recorded."


def times_asked(world: World) -> list[float]:
    return world.log.times(f"agent speaks {world.synthesiser.numbers[FIRST_PART]}")


@pytest.mark.parametrize("held", [0.3, 6.0, 19.0], ids=["before the question", "after it", "after its repetition"])
def test_who_put_the_call_on_hold_is_asked_again_when_they_are_back_and_not_let_go(held: float) -> None:
    world = asked((48.0, "1"))
    world.events = [*world.events, (held, LegHeld()), (45.0, LegResumed())]
    play(world)
    assert times_asked(world)[-1] == pytest.approx(45.1, abs=0.1)
    assert not [at for at in times_asked(world) if max(held, 1.0) < at < 45.0]
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert GREETING in texts(world)


def test_a_question_that_fell_into_a_short_hold_is_put_anew() -> None:
    world = asked((8.0, "1"))
    world.events = [*world.events, (2.0, LegHeld()), (3.0, LegResumed())]
    play(world)
    assert times_asked(world) == [pytest.approx(0.7, abs=0.1), pytest.approx(3.1, abs=0.1)]
    assert len(texts(world)[1]) < len(QUESTION)
    assert texts(world)[2:4] == [QUESTION, GREETING]


def test_a_hold_that_ends_before_the_question_does_not_put_it_twice() -> None:
    world = asked((6.0, "1"))
    world.events = [*world.events, (0.1, LegHeld()), (0.3, LegResumed())]
    assert texts(play(world))[:3] == [DISCLOSURE, QUESTION, GREETING]


@pytest.mark.parametrize(
    ("back", "failed_after", "again"),
    [pytest.param(30.0, 11.0, 30.1, id="transfer ends first"), pytest.param(10.0, 26.0, 30.0, id="hold ends first")],
)
def test_neither_the_end_of_a_hold_nor_of_a_transfer_ends_the_other(
    back: float, failed_after: float, again: float
) -> None:
    world = handed_over(
        (35.0, "1"),
        events=[(6.0, LegHeld()), (back, LegResumed()), (35.0, LegDigit("1"))],
        second_events=[(failed_after, LegClosed(LegClosedBy.FAILED, 486))],
    )
    assert len(times_asked(world)) == 2
    assert times_asked(world)[1] == pytest.approx(again, abs=0.4)
    assert GREETING in texts(world)


@pytest.mark.parametrize("away", list(Away))
def test_time_that_ran_out_in_the_moment_of_the_hold_is_not_counted_against_them(away: Away) -> None:
    questions: list[Utterance] = []
    due: list[Callable[[], None]] = []

    def ask() -> Utterance:
        questions.append(Utterance(RATE))
        return questions[-1]

    async def hold_when_due() -> None:
        loop = asyncio.get_running_loop()
        step = ConsentStep(
            ask=ask,
            stop=lambda _: None,
            agreed=lambda: None,
            refused=lambda _: None,
            later=lambda seconds, act: loop.call_later(seconds, due.append, act),
        )
        step.begin()
        questions[0].done.set()
        step.utterance_done(questions[0])
        await asyncio.sleep(ANSWER_SECONDS + 0.1)
        step.suspend(away)
        due[0]()
        assert len(questions) == 1
        step.resume(away)
        due[0]()
        assert len(questions) == 2

    run_virtual(hold_when_due())
