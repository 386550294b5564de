"""Connections that break in the midst of something: a tool, a walk, a goodbye, the caller's own turn."""

from typing import Any

import pytest

from media.calls.workflow import plan_workflow
from media.conversation.opt_out import OptOut
from media.conversation.settings import ConversationSettings
from media.speech.interfaces import ProviderError, ToolCall
from media.speech.speech_to_speech import AgentTurnOver, AgentWords, CallsDropped, CallsWanted
from media.telephony.leg import LegDigit
from sovereign.assistants import transient
from sovereign.calls.model import EndReason
from tests.scenarios.conversation.test_workflow_graph import graph, talk, way
from tests.scenarios.conversation.test_workflows_in_calls import CHECK
from tests.scenarios.conversation.world import noise, says
from tests.scenarios.realtime.test_dropped_calls import FIRST, QUIET_LOOKUP
from tests.scenarios.realtime.test_opt_out import CONFIRMATION
from tests.scenarios.realtime.test_tools_and_orders import END_CALL
from tests.scenarios.realtime.test_workflows import ASK, ASSISTANT, KINDS, going, instructions, lines
from tests.scenarios.realtime.world import RealtimeWorld, Reply, play

LONG = "This is a long answer of the model which has been made whole long before it has been heard to its end."
ENDING = ToolCall("e1", "end_call", {})
EDGES = [way("a", "check"), {"from": "check", "to": "c"}]


def ordering_end(at: float, message: str) -> Any:
    async def end(world: RealtimeWorld) -> None:
        await world.session.command({"type": "end-call", "message": message})

    return [(at, end)]


# a tool runs


def test_caller_who_speaks_while_a_tool_runs_gets_one_answer_after_a_break() -> None:
    """The new connection hears what was said and answers that: it is not asked to go on besides."""
    world = play(
        RealtimeWorld(
            [says(1.0, "where is it"), says(4.0, "hello are you there", 2.0)],
            [Reply(calls=[FIRST]), "Yes, one moment.", "It is on its way."],
            tools=(QUIET_LOOKUP,),
            tool_answers={"lookup": (9.0, {"status": "sent"})},
            breaks={1: 5.0},
        )
    )
    told = [text for kind, text in world.asked if kind == "inform"]
    assert [text.startswith("The result of lookup") for text in told] == [True]
    assert lines(world) == ["Yes, one moment.", "It is on its way."]


def test_answer_that_broke_off_is_gone_on_with_when_what_is_heard_again_was_a_noise() -> None:
    world = play(RealtimeWorld([says(1.0, "tell me"), noise(2.3, 0.4)], [Reply(LONG * 3, cut_after=40), "As I said."]))
    assert [kind for kind, _ in world.asked] == ["inform"]
    assert lines(world)[-1] == "As I said."


def test_call_of_the_same_name_as_a_dropped_one_gets_its_result() -> None:
    async def drop(world: RealtimeWorld) -> None:
        world.model.sessions[-1].out.put_nowait(CallsDropped([FIRST.id]))

    world = play(
        RealtimeWorld(
            [says(1.0, "where is it", 0.5), says(9.0, "where is it", 0.5)],
            [Reply(calls=[FIRST]), Reply(calls=[FIRST]), "It is on its way."],
            tools=(QUIET_LOOKUP,),
            tool_answers={"lookup": (2.0, {"status": "sent"})},
            acts=[(2.5, drop)],
            breaks={1: 6.0},
        )
    )
    assert lines(world) == ["It is on its way."]


def test_result_that_waits_for_the_new_connection_is_its_only_answer() -> None:
    """The model spoke while its tool ran, and broke off; it goes on with the result, and is not asked to besides."""

    async def want(world: RealtimeWorld) -> None:
        world.model.sessions[-1].out.put_nowait(CallsWanted([FIRST]))

    world = play(
        RealtimeWorld(
            [says(4.0, "where is it", 0.5)],
            [Reply(LONG, cut_after=20), "It is on its way.", "Anything else?"],
            tools=(QUIET_LOOKUP,),
            tool_answers={"lookup": (1.5, "sent")},
            acts=[(5.15, want)],
            connect_delay=3.0,
            hangs_up_at=30.0,
        )
    )
    told = [text for kind, text in world.asked if kind == "inform"]
    assert [text.startswith("The result of lookup") for text in told] == [True]
    assert lines(world)[-1] == "It is on its way."


# the model hung up


def test_other_results_of_a_turn_that_was_to_end_the_call_are_given_when_it_goes_on() -> None:
    goodbye = Reply("Then I wish you a very pleasant day and goodbye.", calls=[FIRST, ENDING])
    timeline = [says(1.0, "that is all"), says(3.2, "wait one more question")]
    world = play(
        RealtimeWorld(
            timeline, [goodbye, "Yes?"], tools=(QUIET_LOOKUP, END_CALL), tool_answers={"lookup": (0.1, "noted")}
        )
    )
    given = [text.partition(":")[0] for kind, text in world.asked if kind == "result"]
    assert given == ["lookup", "end_call"]


def test_hanging_up_after_a_goodbye_in_words_is_answered_when_the_call_goes_on() -> None:
    async def hang_up(world: RealtimeWorld) -> None:
        world.model.sessions[-1].out.put_nowait(CallsWanted([ENDING]))

    settings = ConversationSettings(first_message="", end_call_phrases=["goodbye"])
    goodbye = "Then I wish you a very pleasant day in the sun and by the sea with all your friends, and goodbye."
    timeline = [says(1.0, "that is all"), says(6.0, "wait one more question")]
    world = play(RealtimeWorld(timeline, [goodbye, "Yes?"], settings, tools=(END_CALL,), acts=[(5.0, hang_up)]))
    assert ["not ended" in text for kind, text in world.asked if kind == "result"] == [True]
    assert lines(world)[-1] == "Yes?"
    assert world.outcome.end_reason is EndReason.USER_HANGUP


def test_hanging_up_on_a_connection_that_broke_is_not_answered_on_the_next() -> None:
    timeline = [says(1.0, "that is all"), says(5.0, "wait one more question")]
    world = play(RealtimeWorld(timeline, [Reply(LONG, calls=[ENDING]), "Yes?"], tools=(END_CALL,), breaks={1: 4.0}))
    assert len(world.model.sessions) == 2
    assert lines(world)[-1] == "Yes?"
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert not [text for kind, text in world.asked if kind == "result"]


# a walk


@pytest.mark.parametrize("kind", KINDS)
def test_node_that_is_entered_while_a_connection_is_made_gets_its_instructions(kind: str) -> None:
    plan = plan_workflow(graph([talk("a"), CHECK, talk("c")], EDGES), transient(ASSISTANT))
    world = play(
        RealtimeWorld(
            [ASK],
            [going("check", "Sure."), "Nine is free."],
            workflow=plan,
            tool_answers={"check_slot": (3.0, {"free": True})},
            connect_delay=4.0,
            breaks={1: 1.5},
            hangs_up_at=30.0,
            **KINDS[kind],
        )
    )
    assert instructions(world) == ["Be a.", "Be a.", "Be c."]
    assert lines(world)[-1] == "Nine is free."


def test_what_was_said_on_the_way_is_heard_again_after_a_break() -> None:
    plan = plan_workflow(graph([talk("a"), CHECK, talk("c")], EDGES), transient(ASSISTANT))

    def walked(**changes: Any) -> RealtimeWorld:
        return play(
            RealtimeWorld(
                [ASK, says(4.5, "nine would be best")],
                [going("check", "Sure."), Reply("Nine, yes.", delay=2.5), "Nine, yes."],
                workflow=plan,
                tool_answers={"check_slot": (5.0, "free")},
                hangs_up_at=30.0,
                **KINDS["instructable"],
                **changes,
            )
        )

    whole = walked()
    let_hear = whole.log.first("tool done check_slot")
    # the model has heard it, and told nothing yet
    world = walked(breaks={1: let_hear + 1.0}, transcript_delay=2.0)
    assert whole.said()[-2:] == world.said()[-2:] == [("user", "nine would be best"), ("assistant", "Nine, yes.")]


# the call ends


def test_question_asked_before_a_break_does_not_silence_what_comes_after() -> None:
    """Each connection may name its stretches of speech as the one before did."""
    settings = ConversationSettings(consent="Press one to agree.", first_message="Hello.")
    world = play(RealtimeWorld(settings=settings, events=[(5.0, LegDigit("1"))], breaks={1: 3.0}, hangs_up_at=20.0))
    assert lines(world) == ["Press one to agree.", "Hello."]
    assert world.starts("Hello.") < 6.0


def test_last_words_are_said_when_the_connection_is_there_again() -> None:
    world = play(
        RealtimeWorld(breaks={1: 4.0}, connect_delay=1.0, acts=ordering_end(5.5, "We stop."), hangs_up_at=30.0)
    )
    assert lines(world) == ["We stop."]
    assert world.outcome.end_reason is EndReason.CONTROL_END_CALL
    assert world.log.first("hang up") < 8.0


def test_who_never_wants_to_be_called_again_is_told_so_after_a_break() -> None:
    """The words are known when the connection breaks, but not that they are all of them. They are not answered too."""

    async def forbid() -> None:
        return

    world = RealtimeWorld(
        [says(2.0, "please stop calling me")],
        [Reply("Good.", delay=5.0), "Why?"],
        breaks={1: 3.9},
        words_stay_open=True,
        hangs_up_at=30.0,
    )
    world.make_opt_out = lambda: OptOut(forbid)
    play(world)
    assert world.outcome.end_reason is EndReason.OPT_OUT
    assert lines(world) == [CONFIRMATION]


def test_speech_of_a_caller_whose_call_ends_is_not_answered_in_place_of_the_last_words() -> None:
    world = play(
        RealtimeWorld(
            [says(3.0, "and another thing", 1.0)],
            ["Another answer."],
            breaks={1: 1.9},
            connect_delay=1.0,
            acts=ordering_end(3.6, "We stop."),
            hangs_up_at=30.0,
        )
    )
    assert world.fed_voice == 0.0
    assert lines(world) == ["We stop."]


def test_last_words_that_break_off_do_not_keep_the_call() -> None:
    """What was made of them is heard; the next connection, seconds later, would not go on with them."""
    world = play(RealtimeWorld(breaks={1: 3.6}, connect_delay=8.0, acts=ordering_end(11.0, LONG), hangs_up_at=40.0))
    assert LONG.startswith(lines(world)[0])
    assert world.outcome.end_reason is EndReason.CONTROL_END_CALL
    assert world.log.first("hang up") < 18.0


def test_model_that_has_not_begun_to_answer_is_told_to_leave_it_when_the_call_ends() -> None:
    world = play(
        RealtimeWorld(
            [says(1.0, "tell me")], [Reply(LONG, delay=3.0)], acts=ordering_end(3.0, "We stop."), hangs_up_at=30.0
        )
    )
    assert world.asked == [("cancel", ""), ("speak", "We stop.")]


# what a connection is told


def test_next_connection_is_told_nothing_of_an_interruption_before_it() -> None:
    """Neither what of it was heard nor that the call was not ended."""
    keys = [(5.5, LegDigit("4")), (5.6, LegDigit("#"))]
    world = play(
        RealtimeWorld(
            [says(1.0, "tell me")],
            [Reply(LONG, calls=[ENDING]), "Four."],
            tools=(END_CALL,),
            events=keys,
            breaks={1: 3.0},
            connect_delay=2.0,
        )
    )
    assert len(world.model.sessions) == 2
    assert [kind for kind, _ in world.asked] == ["inform"]
    assert lines(world)[-1] == "Four."


def test_what_is_in_the_opening_of_a_connection_is_not_told_again() -> None:
    async def inject(world: RealtimeWorld) -> None:
        await world.session.command({"type": "inject-context", "content": "A VIP.", "trigger_response": False})

    broken = ProviderError("scripted", "no connection", retryable=True)
    world = play(RealtimeWorld(acts=[(0.5, inject)], open_fails={1: broken}, connect_delay=1.0, hangs_up_at=5.0))
    assert [message.content for message in world.model.sessions[0].opening.history] == ["A VIP."]
    assert world.asked == []


def test_words_without_sound_were_not_heard() -> None:
    """A vendor's text of what was interrupted may come after that was said: not even a goodbye in it counts."""

    async def late(world: RealtimeWorld) -> None:
        out = world.model.sessions[-1].out
        out.put_nowait(AgentWords("late", "never heard by anybody, and goodbye"))
        out.put_nowait(AgentTurnOver())

    settings = ConversationSettings(end_call_phrases=["goodbye"])
    world = play(RealtimeWorld([says(1.0, "tell me")], ["I will."], settings, acts=[(5.0, late)]))
    assert lines(world) == ["I will."]
    assert world.outcome.end_reason is EndReason.USER_HANGUP
