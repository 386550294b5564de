"""Whole calls in virtual time: the caller's turns and their answers."""

import pytest

from media.conversation.settings import ConversationSettings, TurnTaking
from tests.scenarios.conversation.world import Turn, World, noise, play, says

GREETING = "Hello, this is the bakery."
HOURS = "We are open from nine to five."


def greeted(**turn_taking: float | None) -> ConversationSettings:
    return ConversationSettings(first_message=GREETING, turn_taking=TurnTaking.model_validate(turn_taking))


def test_a_question_is_answered_after_the_shortest_delay() -> None:
    world = play(World(timeline=[says(3.0, "what are your hours")], answers=[HOURS], settings=greeted()))
    assert world.said() == [("assistant", GREETING), ("user", "what are your hours"), ("assistant", HOURS)]
    # speech ends at 4.2; text at 4.4 + 0.1; the model had started before the turn was judged over at 4.6
    assert world.log.first("model asked 1") == pytest.approx(4.5, abs=0.02)
    # 4.5 + 0.1 to the first token + the answer's words + 0.05 to the first audio
    assert world.starts(HOURS) == pytest.approx(4.72, abs=0.03)


def test_the_figures_of_a_turn_count_from_the_end_of_speech() -> None:
    world = play(World(timeline=[says(3.0, "what are your hours")], answers=[HOURS], settings=greeted()))
    assert world.outcome.latency is not None
    (turn,) = world.outcome.latency["turns"]
    assert turn["end_of_turn_ms"] == pytest.approx(400, abs=2)
    assert turn["first_token_ms"] == pytest.approx(400, abs=20)
    assert turn["end_of_turn_ms"] <= turn["first_audio_ms"] <= turn["first_packet_ms"] <= 560


def test_an_answer_that_is_ready_early_is_held_until_the_turn_is_over() -> None:
    settings = greeted(endpointing_min_delay=1.5, endpointing_max_delay=2.0)
    world = play(World(timeline=[says(3.0, "what are your hours")], answers=[HOURS], settings=settings))
    assert world.log.first("model asked 1") == pytest.approx(4.5, abs=0.02)
    assert world.starts(HOURS) == pytest.approx(4.2 + 1.5, abs=0.02)


def test_an_answer_to_half_a_sentence_is_discarded_when_the_caller_goes_on() -> None:
    timeline = [says(3.0, "I want to come on Tuesday"), says(5.12, "no make that Wednesday")]
    world = play(World(timeline=timeline, answers=["Tuesday it is.", "Wednesday it is."], settings=greeted()))
    assert world.said()[1:] == [
        ("user", "I want to come on Tuesday no make that Wednesday"),
        ("assistant", "Wednesday it is."),
    ]
    assert world.outcome.latency is not None
    assert world.outcome.latency["discarded_answers"] == 1
    assert [m.content for m in world.model.requests[-1]] == [
        GREETING,
        "I want to come on Tuesday no make that Wednesday",
    ]


def test_two_quick_turns_are_answered_together_once() -> None:
    """The second comes after the first turn was over, before anything of its answer was heard."""
    timeline = [says(3.0, "what are your hours"), says(4.65, "and your address")]
    answers = [Turn("Never heard.", first_token=2.0), Turn(HOURS)]
    world = play(World(timeline=timeline, answers=answers, settings=greeted()))
    assert world.said()[1:] == [("user", "what are your hours"), ("user", "and your address"), ("assistant", HOURS)]


def test_a_turn_whose_text_is_late_is_joined_with_what_follows() -> None:
    timeline = [says(3.0, "what are your hours"), says(4.8, "on Saturday")]
    world = play(World(timeline=timeline, answers=[HOURS], settings=greeted(), stt_delay=0.5))
    assert world.said()[1] == ("user", "what are your hours on Saturday")
    assert world.log.times("agent speaks")[1:] == [world.starts(HOURS)]


def test_slow_recognition_delays_the_answer_and_loses_nothing() -> None:
    world = play(World(timeline=[says(3.0, "what are your hours")], answers=[HOURS], settings=greeted(), stt_delay=2.0))
    assert world.said()[1:] == [("user", "what are your hours"), ("assistant", HOURS)]


def test_a_noise_without_words_gets_no_answer() -> None:
    world = play(World(timeline=[noise(3.0, 0.8)], settings=greeted()))
    assert world.said() == [("assistant", GREETING)]
    assert world.model.requests == []


def test_a_click_is_not_even_a_turn() -> None:
    world = play(World(timeline=[noise(3.0, 0.02)], settings=greeted()))
    assert world.recogniser.opened == 1
    assert world.model.requests == []


@pytest.mark.parametrize("delay", [0.0, 0.03, 0.09])
def test_a_late_detector_does_not_move_the_end_of_the_turn(delay: float) -> None:
    world = play(
        World(timeline=[says(3.0, "what are your hours")], answers=[HOURS], settings=greeted(), vad_delay=delay)
    )
    assert world.outcome.latency is not None
    (turn,) = world.outcome.latency["turns"]
    assert turn["end_of_turn_ms"] == pytest.approx(400, abs=40)


def test_the_model_opens_when_there_is_no_first_message() -> None:
    settings = ConversationSettings(first_message=None, disclosure="You are speaking with a machine.")
    world = play(World(answers=["Hi, how can I help?"], settings=settings, hangs_up_at=8.0))
    assert world.said() == [("assistant", "You are speaking with a machine."), ("assistant", "Hi, how can I help?")]
    # the model works while the disclosure is spoken
    assert world.log.first("model asked 1") == 0.0


def test_an_empty_first_message_leaves_the_first_word_to_the_caller() -> None:
    world = play(World(timeline=[says(2.0, "hello there")], answers=["Hi."], hangs_up_at=8.0))
    assert world.said() == [("user", "hello there"), ("assistant", "Hi.")]


def test_slow_speech_synthesis_is_waited_for() -> None:
    world = play(World(timeline=[says(3.0, "what are your hours")], answers=[HOURS], settings=greeted(), tts_delay=3.0))
    assert world.said()[-1] == ("assistant", HOURS)
    assert world.outcome.latency is not None
    assert world.outcome.latency["turns"][0]["first_audio_ms"] > 3000


def test_sentences_are_spoken_while_the_model_still_writes() -> None:
    long_answer = "First this. " + " ".join(["word"] * 100) + "."
    world = play(World(timeline=[says(3.0, "tell me everything")], answers=[long_answer], settings=greeted()))
    assert world.starts("First this.") == pytest.approx(4.5 - 0.3 + 0.13 + 0.05, abs=0.15)


def test_pronunciation_changes_what_is_spoken_and_not_what_is_written() -> None:
    settings = ConversationSettings(first_message="Call Dr. Nguyen.", pronunciation=[("Nguyen", "Win"), ("Win", "no")])
    world = play(World(settings=settings, hangs_up_at=6.0))
    assert world.synthesiser.spoken == ["Call Dr. Win."]
    assert world.said() == [("assistant", "Call Dr. Nguyen.")]


class Incomplete:
    async def is_complete(self, pcm: bytes, sample_rate: int) -> bool:
        return False


def test_the_predictor_lengthens_the_wait_to_the_longest_delay() -> None:
    world = play(
        World(timeline=[says(3.0, "well I think")], answers=[HOURS], settings=greeted(), predictor=Incomplete())
    )
    assert world.outcome.latency is not None
    assert world.outcome.latency["turns"][0]["end_of_turn_ms"] == pytest.approx(2000, abs=2)


def test_speech_without_a_pause_is_taken_as_a_turn_after_half_a_minute() -> None:
    world = play(World(timeline=[says(1.0, "television " * 40, 40.0)], answers=["Pardon?"], settings=greeted()))
    assert world.log.first("model asked 1") == pytest.approx(31.1, abs=0.1)


def test_the_same_script_gives_the_same_log() -> None:
    def script() -> World:
        timeline = [says(3.0, "what are your hours"), noise(5.5, 0.5), says(9.0, "thanks")]
        return World(timeline=timeline, answers=[HOURS, "Bye."], settings=greeted(), interim=True, vad_delay=0.004)

    assert str(play(script()).log) == str(play(script()).log)
