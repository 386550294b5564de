"""Whole calls in virtual time: the caller speaks while the agent does."""

from functools import cache

import pytest

from media.audio.echo import EchoDetector
from media.conversation.settings import ConversationSettings, TurnTaking
from tests.scenarios.conversation.test_tools_in_calls import ASK, DONE, booking, call
from tests.scenarios.conversation.world import ScriptedRecognition, Turn, World, noise, play, says

REPLY = "We are open from nine to five on weekdays and from ten to two on Saturday."
"""Spoken from 2.82 to 6.52 in these scripts."""
QUESTION = says(1.0, "when are you open")


def world_with(*more: object, interim: bool = False, **turn_taking: float | None) -> World:
    settings = ConversationSettings(turn_taking=TurnTaking.model_validate(turn_taking))
    timeline = [QUESTION, *more]
    return World(timeline=timeline, answers=[REPLY, "Next answer."], settings=settings, interim=interim)  # type: ignore[arg-type]


@cache
def reply_begins() -> float:
    return play(world_with()).starts(REPLY)


def agent_words_heard(world: World) -> int:
    replies = [content for role, content in world.said() if role == "assistant"]
    return len(replies[0].split()) if REPLY.startswith(replies[0]) else 0


@pytest.mark.parametrize("after", [step / 10 for step in range(34)])
def test_an_interruption_anywhere_stops_the_reply_and_keeps_only_what_was_heard(after: float) -> None:
    begins = reply_begins()
    at = round(begins + after, 2)
    world = play(world_with(says(at, "no I mean on Sunday please")))
    replies = world.said()
    assert ("user", "no I mean on Sunday please") in replies
    assert replies[-1] == ("assistant", "Next answer.")
    stopped = [t for t in world.log.times("flush") if t > at]
    assert stopped, str(world.log)
    # 0.3 s of speech by the settings; 100 ms for detector windows, packets and polls
    assert 0.3 <= stopped[0] - at <= 0.4
    heard = agent_words_heard(world)
    spoken_share = (stopped[0] - begins) / (len(REPLY) * 0.05)
    assert heard == pytest.approx(len(REPLY.split()) * min(1.0, spoken_share), abs=1.01)
    # the model is told the same
    told = [message.content for message in world.model.requests[-1] if message.role == "assistant"]
    assert told == [replies[1][1]] if heard else told == []


def test_mhm_does_not_end_the_reply() -> None:
    world = play(world_with(says(3.6, "mhm", 0.4)))
    assert world.said() == [("user", "when are you open"), ("assistant", REPLY)]
    assert len(world.model.requests) == 1


def test_mhm_known_early_does_not_even_pause_the_reply() -> None:
    world = play(world_with(says(3.6, "mhm", 0.5), interim=True))
    assert world.log.times("flush") == []
    assert world.said()[-1] == ("assistant", REPLY)


def test_after_mhm_the_reply_goes_on_as_soon_as_the_word_is_known() -> None:
    world = play(world_with(says(3.6, "mhm", 0.4)))
    silent = next(t for t in world.log.times("agent silent") if t > 3.6)
    resumed = next(t for t in world.log.times("agent speaks") if t > silent)
    # likely end 0.2 s after the word, text 0.1 s later
    assert resumed == pytest.approx(4.0 + 0.2 + 0.1, abs=0.05)


def test_a_cough_pauses_the_reply_which_then_resumes_where_it_stopped() -> None:
    world = play(world_with(noise(3.6, 0.6)))
    assert world.said() == [("user", "when are you open"), ("assistant", REPLY)]
    (paused,) = [t for t in world.log.times("agent silent") if 3.6 < t < 4.2]
    (resumed,) = [t for t in world.log.times("agent speaks") if t > paused]
    assert resumed == pytest.approx(4.2 + 1.5, abs=0.05)
    ends = world.log.times("agent silent")[-1]
    begins = world.starts(REPLY)
    # not a sample is lost or spoken twice
    assert ends - begins == pytest.approx(len(REPLY) * 0.05 + (resumed - paused), abs=0.011)
    assert world.outcome.latency is not None
    assert (world.outcome.latency["interruptions"], world.outcome.latency["false_interruptions"]) == (1, 1)


def test_a_cough_is_final_when_resuming_is_switched_off() -> None:
    world = play(world_with(noise(3.6, 0.6), false_interruption_timeout=None))
    heard = world.said()[-1][1]
    assert REPLY.startswith(heard)
    assert heard != REPLY


def test_a_cough_shorter_than_the_limit_changes_nothing() -> None:
    world = play(world_with(noise(3.6, 0.2)))
    assert world.log.times("flush") == []


def test_a_longer_minimum_duration_is_respected() -> None:
    world = play(world_with(says(3.6, "no wait a moment please", 1.5), interruption_min_duration=1.0))
    assert world.log.first("flush") == pytest.approx(4.6, abs=0.05)


def test_the_word_minimum_holds_an_interruption_back_until_the_words_are_there() -> None:
    world = play(world_with(says(3.6, "no wait please stop", 1.2), interim=True, interruption_min_words=3))
    assert world.log.first("flush") == pytest.approx(4.35, abs=0.15)


def test_fewer_words_than_the_minimum_are_answered_after_the_reply() -> None:
    world = play(world_with(says(3.6, "Sunday", 0.5), interruption_min_words=3))
    assert world.log.times("flush") == []
    assert world.said() == [
        ("user", "when are you open"),
        ("assistant", REPLY),
        ("user", "Sunday"),
        ("assistant", "Next answer."),
    ]


def test_words_confirm_an_interruption_while_the_caller_still_speaks() -> None:
    world = play(world_with(says(3.6, "no I mean on Sunday please", 3.0), interim=True))
    assert world.log.first("model cancelled" if world.log.times("model cancelled") else "flush") < 4.3
    assert world.said()[-1] == ("assistant", "Next answer.")


def test_yes_spoken_into_the_end_of_a_question_answers_it() -> None:
    question = "Shall I book the table for you then?"
    timeline = [QUESTION, says(4.2, "yes", 0.25)]
    world = play(World(timeline=timeline, answers=[question, "Booked."]))
    assert world.said()[1:] == [("assistant", question), ("user", "yes"), ("assistant", "Booked.")]


def test_yes_spoken_into_a_statement_is_only_listening() -> None:
    world = play(world_with(says(5.4, "yes", 0.25)))
    assert world.said()[-1] == ("assistant", REPLY)


def test_the_disclosure_is_spoken_to_its_end_and_the_caller_answered_after_it() -> None:
    settings = ConversationSettings(disclosure="You are speaking with an AI assistant of the bakery.")
    world = play(World(timeline=[says(0.8, "hello who is there")], answers=["Me."], settings=settings))
    assert world.log.times("flush") == []
    assert world.said() == [
        ("assistant", "You are speaking with an AI assistant of the bakery."),
        ("user", "hello who is there"),
        ("assistant", "Me."),
    ]


def test_the_agent_does_not_begin_while_the_caller_speaks() -> None:
    """The answer is ready just when the caller starts again."""
    timeline = [QUESTION, says(2.75, "and also on Sunday")]
    world = play(World(timeline=timeline, answers=[Turn("Too early.", first_token=0.3), "Both answers."]))
    spoken = world.log.times("agent speaks")
    assert all(not 2.85 <= t <= timeline[1].end for t in spoken), str(world.log)
    assert world.said()[-1] == ("assistant", "Both answers.")


def test_the_first_message_can_be_interrupted() -> None:
    settings = ConversationSettings(first_message="Welcome to the bakery, we have bread and cake and much more.")
    world = play(World(timeline=[says(1.0, "I need a cake please")], answers=["Sure."], settings=settings))
    assert world.said()[0][1] != settings.first_message
    assert world.said()[1:] == [("user", "I need a cake please"), ("assistant", "Sure.")]


def test_barge_in_stops_playback_with_one_flush_of_a_short_buffer() -> None:
    world = play(world_with(says(3.6, "no I mean on Sunday please")))
    flushes = [what for _, what in world.log.lines if what.startswith("flush")]
    milliseconds = int(flushes[0].split()[1])
    assert 0 < milliseconds <= 300


def test_the_agents_own_voice_coming_back_neither_interrupts_nor_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    begins = reply_begins()
    monkeypatch.setattr(EchoDetector, "is_echo", lambda _, start, end: begins <= start and end <= 6.6)
    world = play(world_with(says(3.5, "from nine to five on weekdays and", 2.0)))
    assert world.said() == [("user", "when are you open"), ("assistant", REPLY)]
    assert not world.log.times("flush")
    assert world.outcome.latency is not None
    assert world.outcome.latency["echoes"] == 1
    assert world.outcome.latency["interruptions"] == 0


def test_a_caller_who_speaks_up_over_an_echo_interrupts(monkeypatch: pytest.MonkeyPatch) -> None:
    begins = reply_begins()
    monkeypatch.setattr(EchoDetector, "is_echo", lambda _, start, end: begins <= start and end <= 4.5)
    world = play(world_with(says(3.5, "no I mean on Sunday please", 2.5)))
    assert world.log.first("flush") == pytest.approx(4.6, abs=0.06)
    assert world.said()[-2:] == [("user", "no I mean on Sunday please"), ("assistant", "Next answer.")]


@pytest.mark.parametrize("at", [1.2, 2.0, 2.9, 3.2])
def test_a_line_ordered_while_the_caller_speaks_is_said_and_then_they_are_answered(at: float) -> None:
    async def order(world: World) -> None:
        await world.session.command({"type": "say", "content": "Your taxi is there now."})

    spoken = [says(1.0, "one two three four five six seven")]
    silent = ConversationSettings(first_message="")
    world = play(World(spoken, ["Seven it is."], silent, acts=[(at, order)]))
    assert sorted(world.said()) == [
        ("assistant", "Seven it is."),
        ("assistant", "Your taxi is there now."),
        ("user", "one two three four five six seven"),
    ]
    assert world.starts("Your taxi is there now.") < world.starts("Seven it is.")
    assert not world.log.times("flush")


@pytest.fixture
def takes_back_the_radio(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recogniser does not stand by the words of a radio, of which it told early."""
    whole = ScriptedRecognition.finalise

    async def taken_back(self: ScriptedRecognition) -> str:
        text = await whole(self)
        return "" if "station" in text else text

    monkeypatch.setattr(ScriptedRecognition, "finalise", taken_back)


@pytest.mark.usefixtures("takes_back_the_radio")
def test_words_the_recogniser_takes_back_leave_no_dead_air() -> None:
    radio = says(4.0, "the next station is", 1.2)
    world = play(world_with(radio, interim=True))
    assert [role for role, _ in world.said()] == ["user", "assistant", "assistant"]
    assert world.starts("Next answer.") < radio.end + 2.0


@pytest.mark.usefixtures("takes_back_the_radio")
def test_words_taken_back_and_real_ones_while_a_tool_runs_get_one_answer() -> None:
    world = play(
        booking(
            Turn("One moment please, I am going to book that table for you right now.", [call(people=2)]),
            DONE,
            "As I said.",
            timeline=[ASK, says(4.0, "the next station is", 1.2), says(7.0, "by the window please")],
            delay=8.0,
            interim=True,
            hangs_up_at=30.0,
        )
    )
    assert world.said()[-2:] == [("user", "by the window please"), ("assistant", DONE)]
    assert "nothing was said" in "".join(message.content for message in world.model.requests[-1])


def test_what_the_model_is_to_speak_about_while_the_caller_pauses_is_in_their_one_answer() -> None:
    async def inject(world: World) -> None:
        order = {"type": "inject-context", "content": "A taxi is there.", "trigger_response": True}
        await world.session.command(order)

    world = world_with()
    answered = play(world_with()).log.first("model asked 1")
    world.acts = [(answered + 0.05, inject)]
    play(world)
    assert [role for role, _ in world.said()] == ["user", "assistant"]
    assert "A taxi is there." in "".join(message.content for message in world.model.requests[-1])
