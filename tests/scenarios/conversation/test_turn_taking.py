"""The turn-taking state machine by itself: windows and time in, events out."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.audio.vad import VoiceWindow
from media.conversation.settings import TurnTaking
from media.conversation.turn_taking import (
    ECHO_RECHECK_SECONDS,
    FalseInterruption,
    Interrupted,
    LikelyEnd,
    SpeechResumed,
    SpeechStarted,
    TurnEnded,
    TurnEvent,
    TurnTaker,
)

STEP = 0.032


def windows(start: float, seconds: float, probability: float) -> list[VoiceWindow]:
    count = round(seconds / STEP)
    return [VoiceWindow(start + n * STEP, start + (n + 1) * STEP, probability) for n in range(count)]


def kinds(events: Iterable[TurnEvent]) -> list[type]:
    return [type(event) for event in events]


def test_one_voiced_window_is_not_speech() -> None:
    turns = TurnTaker(TurnTaking())
    assert turns.hear([*windows(0, STEP, 0.9), *windows(STEP, 0.32, 0.1)]) == []
    assert turns.deadline is None


def test_speech_started_carries_the_moment_of_its_first_window() -> None:
    turns = TurnTaker(TurnTaking())
    assert turns.hear(windows(5.0, 0.064, 0.9)) == [SpeechStarted(5.0)]


def test_the_end_is_timed_from_the_last_voiced_sample_by_the_clock() -> None:
    turns = TurnTaker(TurnTaking(endpointing_min_delay=0.4))
    turns.hear(windows(0, 0.64, 0.9))
    assert turns.deadline == pytest.approx(0.84)
    assert turns.advance(0.839) == []
    assert turns.advance(0.841) == [LikelyEnd(pytest.approx(0.64))]
    assert turns.deadline == pytest.approx(1.04)
    assert turns.advance(1.041) == [TurnEnded(pytest.approx(0.64), pytest.approx(0.64))]
    assert turns.deadline is None


def test_a_timer_that_comes_late_reports_both_ends() -> None:
    turns = TurnTaker(TurnTaking())
    turns.hear(windows(0, 0.64, 0.9))
    assert kinds(turns.advance(9.0)) == [LikelyEnd, TurnEnded]


def test_silent_audio_ends_the_turn_even_without_a_timer() -> None:
    turns = TurnTaker(TurnTaking())
    assert kinds(turns.hear([*windows(0, 0.64, 0.9), *windows(0.64, 0.6, 0.05)])) == [
        SpeechStarted,
        LikelyEnd,
        TurnEnded,
    ]


def test_soft_voice_keeps_speech_going_but_does_not_start_it() -> None:
    turns = TurnTaker(TurnTaking())
    assert turns.hear(windows(0, 0.32, 0.4)) == []
    turns.hear(windows(0.32, 0.32, 0.9))
    turns.hear(windows(0.64, 0.32, 0.4))
    assert turns.deadline == pytest.approx(0.96 + 0.2)


def test_a_shorter_delay_than_the_likely_end_brings_that_forward() -> None:
    turns = TurnTaker(TurnTaking(endpointing_min_delay=0.1, endpointing_max_delay=0.1))
    turns.hear(windows(0, 0.64, 0.9))
    assert kinds(turns.advance(0.74)) == [LikelyEnd, TurnEnded]


def test_going_on_after_a_likely_end_is_the_same_turn() -> None:
    turns = TurnTaker(TurnTaking())
    turns.hear(windows(0, 0.64, 0.9))
    turns.advance(0.9)
    assert turns.hear(windows(0.96, 0.32, 0.9)) == [SpeechResumed(0.96)]
    assert turns.advance(2.0)[-1] == TurnEnded(pytest.approx(1.28), pytest.approx(0.96))


def test_a_click_after_a_likely_end_does_not_put_the_end_off() -> None:
    turns = TurnTaker(TurnTaking())
    turns.hear(windows(0, 0.64, 0.9))
    turns.advance(0.9)
    turns.hear([*windows(0.96, STEP, 0.9), *windows(0.992, STEP, 0.1)])
    assert kinds(turns.advance(1.04)) == [TurnEnded]


def test_expecting_more_waits_for_the_longest_delay_of_this_pause_only() -> None:
    turns = TurnTaker(TurnTaking(endpointing_min_delay=0.4, endpointing_max_delay=2.0))
    turns.hear(windows(0, 0.64, 0.9))
    turns.advance(0.841)
    turns.expect_more()
    assert turns.deadline == pytest.approx(2.64)
    turns.hear(windows(1.0, 0.64, 0.9))
    turns.advance(1.85)
    assert turns.deadline == pytest.approx(1.64 + 0.4)


def test_no_interruption_while_the_agent_is_silent() -> None:
    turns = TurnTaker(TurnTaking())
    assert kinds(turns.hear(windows(0, 2.0, 0.9))) == [SpeechStarted]


@pytest.mark.parametrize("minimum", [0.05, 0.3, 1.0])
def test_speech_of_the_minimum_duration_interrupts_once(minimum: float) -> None:
    turns = TurnTaker(TurnTaking(interruption_min_duration=minimum))
    turns.agent_active = True
    events = turns.hear(windows(0, 2.0, 0.9))
    (interruption,) = [event for event in events if isinstance(event, Interrupted)]
    assert minimum <= interruption.at < minimum + 2 * STEP


def test_an_echo_does_not_interrupt_until_somebody_speaks_over_it() -> None:
    turns = TurnTaker(TurnTaking(), is_echo=lambda start, end: end < 1.0)
    turns.agent_active = True
    events = turns.hear(windows(0, 2.0, 0.9))
    (interruption,) = [event for event in events if isinstance(event, Interrupted)]
    assert interruption.at == pytest.approx(1.0, abs=ECHO_RECHECK_SECONDS + STEP)


def test_a_turn_that_was_an_echo_says_so() -> None:
    turns = TurnTaker(TurnTaking(), is_echo=lambda start, end: True)
    turns.agent_active = True
    events = turns.hear([*windows(0, 1.0, 0.9), *windows(1.0, 1.0, 0.1)])
    (ended,) = [event for event in events if isinstance(event, TurnEnded)]
    assert ended.echo


def test_a_turn_that_was_an_echo_says_so_however_long_its_end_is_waited_for() -> None:
    now = 0.0
    taking = TurnTaking(endpointing_min_delay=3, endpointing_max_delay=3)
    turns = TurnTaker(taking, is_echo=lambda start, end: now < 2.0)  # what was played is forgotten
    events: list[TurnEvent] = []
    for window in [*windows(0, 1.0, 0.9), *windows(1.0, 4.0, 0.1)]:
        now = window.end
        events += turns.hear([window])
    (ended,) = [event for event in events if isinstance(event, TurnEnded)]
    assert ended.echo


def test_echoes_are_asked_about_ten_times_a_second_at_most() -> None:
    asked: list[float] = []

    def is_echo(_start: float, end: float) -> bool:
        asked.append(end)
        return True

    turns = TurnTaker(TurnTaking(), is_echo=is_echo)
    turns.agent_active = True
    turns.hear(windows(0, 3.0, 0.9))
    assert 20 <= len(asked) <= 28


def test_pauses_do_not_count_towards_the_minimum_duration() -> None:
    turns = TurnTaker(TurnTaking(interruption_min_duration=0.5))
    turns.agent_active = True
    events = [
        event
        for n in range(3)
        for event in turns.hear([*windows(n * 0.32, 0.16, 0.9), *windows(n * 0.32 + 0.16, 0.16, 0.1)])
    ]
    assert Interrupted not in kinds(events)


def test_known_backchannels_do_not_interrupt_until_more_is_said() -> None:
    turns = TurnTaker(TurnTaking())
    turns.agent_active = True
    turns.hear(windows(0, 0.2, 0.9))
    assert turns.words("mhm") == []
    assert Interrupted not in kinds(turns.hear(windows(0.2, 0.5, 0.9)))
    assert kinds(turns.words("mhm but no")) == [Interrupted]


def test_a_false_interruption_is_reported_after_its_timeout_of_silence() -> None:
    turns = TurnTaker(TurnTaking(false_interruption_timeout=1.5))
    turns.agent_active = True
    turns.hear(windows(0, 0.64, 0.9))
    turns.advance(1.1)
    assert turns.deadline == pytest.approx(0.64 + 1.5)
    assert turns.advance(2.14) == [FalseInterruption()]
    assert turns.deadline is None


def test_more_noise_puts_the_false_interruption_off() -> None:
    turns = TurnTaker(TurnTaking(false_interruption_timeout=1.5))
    turns.agent_active = True
    turns.hear(windows(0, 0.64, 0.9))
    turns.advance(1.1)
    turns.hear(windows(2.0, 0.64, 0.9))
    assert FalseInterruption not in kinds(turns.advance(2.3))
    assert FalseInterruption in kinds(turns.advance(2.64 + 1.5))


def test_a_settled_interruption_raises_no_false_alarm() -> None:
    turns = TurnTaker(TurnTaking())
    turns.agent_active = True
    turns.hear(windows(0, 0.64, 0.9))
    turns.settle_interruption()
    assert FalseInterruption not in kinds(turns.advance(60.0))


@settings(max_examples=60, deadline=None)
@given(script=st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=120))
def test_events_are_always_well_formed(script: list[tuple[float, bool]]) -> None:
    """Starts and ends alternate whatever is heard, and a turn is always over soon after silence."""
    turns = TurnTaker(TurnTaking())
    events: list[TurnEvent] = []
    for place, (probability, active) in enumerate(script):
        turns.agent_active = active
        events += turns.hear([VoiceWindow(place * STEP, (place + 1) * STEP, probability)])
    events += turns.advance(len(script) * STEP + 10.0)
    bounds = [kind for kind in kinds(events) if kind in (SpeechStarted, TurnEnded)]
    assert bounds == [SpeechStarted, TurnEnded] * (len(bounds) // 2)
    assert not turns.in_turn
    assert turns.deadline is None
