"""Whole calls in virtual time that follow a workflow with a model that hears and speaks by itself.

`KINDS`: one that takes other instructions while connected, and one that needs another connection for them, says
nothing while it waits for a tool, and cannot be told anything without answering it.
"""

from collections.abc import Callable
from typing import Any

import pytest

from media.calls.workflow import plan_workflow
from media.conversation.settings import ConversationSettings
from media.conversation.workflow.walker import HAND_OFF_LINE
from media.speech.interfaces import ProviderError, ToolCall
from media.telephony.leg import TransferOutcome
from sovereign.assistants import transient
from sovereign.calls.model import EndReason
from tests.scenarios.conversation.test_workflow_graph import HELP, graph, talk, way
from tests.scenarios.conversation.test_workflows_in_calls import CHECK, DESK, GOODBYE
from tests.scenarios.conversation.world import says
from tests.scenarios.realtime.world import RealtimeWorld, Reply, play

ASK = says(1.0, "i need an appointment")
LATER = says(9.0, "tomorrow at nine please")
ASSISTANT = {"llm_config": {"provider": "xai_realtime", "model": "grok-voice-think-fast-2.0"}}
KINDS = {
    "instructable": {"instructable": True, "verbatim": True, "context": True},
    "reconnecting": {"instructable": False, "verbatim": False, "context": False},
}
Follow = Callable[..., RealtimeWorld]


@pytest.fixture(params=KINDS)
def follow(request: pytest.FixtureRequest) -> Follow:
    def followed(
        nodes: list[dict[str, Any]], edges: list[dict[str, Any]], *replies: Any, **world: Any
    ) -> RealtimeWorld:
        plan = plan_workflow(graph(nodes, edges), transient(ASSISTANT))
        script: dict[str, Any] = {"timeline": [ASK, LATER], "tool_answers": {"check_slot": (0.5, {"free": True})}}
        return play(RealtimeWorld(replies=replies, workflow=plan, **(script | KINDS[request.param] | world)))

    return followed


def going(to: str, text: str = "", **more: Any) -> Reply:
    return Reply(text, [ToolCall("w1", f"go_to_{to}", {})], **more)


def instructions(world: RealtimeWorld) -> list[str]:
    return [text for kind, text in world.asked if kind == "instruct"]


def lines(world: RealtimeWorld) -> list[str]:
    """What the agent said."""
    return [text for role, text in world.said() if role == "assistant"]


TALKS = [talk("a"), talk("b", first_line="When would you like to come?")]


def test_the_call_begins_with_the_entry_nodes_instructions_and_ways(follow: Follow) -> None:
    world = follow(TALKS, [way("a", "b")], "How can I help?")
    assert instructions(world) == ["Be a."]
    assert world.offered == [["go_to_b"]]


def test_a_transition_swaps_instructions_and_tools_and_speaks_the_first_line(follow: Follow) -> None:
    nodes = [TALKS[0], TALKS[1] | {"tools": [{"name": "book", "description": "Books."}]}]
    world = follow(nodes, [way("a", "b")], going("b"), "Noted.")
    assert instructions(world) == ["Be a.", "Be b."]
    assert world.offered == [["go_to_b"], ["book"]]
    assert world.said() == [
        ("user", "i need an appointment"),
        ("assistant", "When would you like to come?"),
        ("user", "tomorrow at nine please"),
        ("assistant", "Noted."),
    ]
    assert world.outcome.error is None
    assert world.outcome.latency is not None
    assert world.outcome.latency["provider_retries"] == 0


def test_the_node_knows_what_was_said_before_it(follow: Follow) -> None:
    world = follow(TALKS, [way("a", "b")], going("b", "Of course."), timeline=[ASK])
    told = [f"result: {text}" for kind, text in world.asked if kind == "result"]
    if world.instructable:
        assert told == ['result: go_to_b: {"result": "moved on to b"}']
    else:
        history = [(message.role, message.content) for message in world.model.sessions[1].opening.history]
        assert history[:2] == [("user", "i need an appointment"), ("assistant", "Of course.")]
        assert ("system", 'The result of go_to_b: {"result": "moved on to b"}') in history


def test_a_node_without_a_first_line_is_opened_by_the_model_after_a_hand_off(follow: Follow) -> None:
    world = follow([talk("a"), talk("b")], [way("a", "b")], going("b"), "When?", timeline=[ASK])
    assert instructions(world) == ["Be a.", "Be b."]
    assert lines(world) == [HAND_OFF_LINE, "When?"]


def test_no_neutral_line_is_spoken_when_the_model_spoke_itself(follow: Follow) -> None:
    world = follow([talk("a"), talk("b")], [way("a", "b")], going("b", "Of course."), "When?", timeline=[ASK])
    assert lines(world) == ["Of course.", "When?"]


def test_an_edges_message_is_spoken_on_the_way_and_before_the_node_speaks(follow: Follow) -> None:
    world = follow(TALKS, [way("a", "b", message="I look into that.")], going("b"), timeline=[ASK])
    assert lines(world) == ["I look into that.", "When would you like to come?"]


def test_what_is_being_said_is_heard_to_its_end(follow: Follow) -> None:
    long = "I will gladly make an appointment for you, and my colleague knows all about the free times we have."
    world = follow(TALKS, [way("a", "b")], going("b", long), timeline=[ASK])
    assert lines(world) == [long, "When would you like to come?"]
    assert world.starts("When would you like to come?") - world.starts(long) >= len(long) * 0.05 - 0.01


def test_a_global_node_is_entered_from_anywhere_and_left_again(follow: Follow) -> None:
    back = Reply("", [ToolCall("w2", "go_back", {})])
    world = follow([TALKS[0], HELP], [], going("help", "Sure."), back, "Where were we?", timeline=[ASK])
    assert instructions(world) == ["Be a.", "Be help.", "Be a."]
    assert world.offered == [["go_to_help"], ["go_back"], ["go_to_help"]]
    assert lines(world)[-1] == "Where were we?"


def test_a_tool_node_runs_by_itself_and_its_result_is_known_in_the_next_node(follow: Follow) -> None:
    check = CHECK | {"first_line": "Let me check."}
    edges = [way("a", "check"), {"from": "check", "to": "c"}]
    world = follow([talk("a"), check, talk("c")], edges, going("check"), "Nine is free.", timeline=[ASK])
    assert world.asker.asked == [("check_slot", {"days": 7})]
    assert lines(world) == ["Let me check.", "Nine is free."]
    known = [text for kind, text in world.asked if kind == "result"]
    if not world.instructable:
        known = [message.content for message in world.model.sessions[1].opening.history]
    assert any("moved on to c" in text and "check_slot" in text and "free" in text for text in known)


def test_a_tool_that_fails_also_leads_on(follow: Follow) -> None:
    edges = [way("a", "check"), {"from": "check", "to": "c"}]
    failing = {"check_slot": (0.5, RuntimeError("secret"))}
    world = follow([talk("a"), CHECK, talk("c")], edges, going("check"), "Sorry.", timeline=[ASK], tool_answers=failing)
    assert instructions(world) == ["Be a.", "Be c."]
    assert lines(world)[-1] == "Sorry."


def test_an_end_node_says_its_line_and_ends_the_call(follow: Follow) -> None:
    world = follow([talk("a"), GOODBYE], [way("a", "goodbye")], going("goodbye"), timeline=[ASK], hangs_up_at=30.0)
    assert world.outcome.end_reason is EndReason.WORKFLOW_END
    assert lines(world) == ["Thanks for calling."]
    assert world.log.first("hang up") < 8.0


def test_an_end_node_without_a_line_ends_the_call_after_what_was_said(follow: Follow) -> None:
    silent = {"id": "goodbye", "type": "end"}
    settings = ConversationSettings(end_call_message="Not this.")
    world = follow(
        [talk("a"), silent], [way("a", "goodbye")], going("goodbye", "Bye then."),
        timeline=[ASK], settings=settings, hangs_up_at=30.0,
    )  # fmt: skip
    assert world.outcome.end_reason is EndReason.WORKFLOW_END
    assert lines(world) == ["Bye then."]


def test_a_transfer_node_announces_and_hands_over(follow: Follow) -> None:
    world = follow([talk("a"), DESK], [way("a", "desk")], going("desk"), timeline=[ASK])
    assert world.outcome.end_reason is EndReason.TRANSFERRED
    assert lines(world) == ["I connect you."]
    assert world.leg.transfers == ["sip:+31850835037@trunk.example"]
    assert world.log.first("refer") >= world.starts("I connect you.") + len("I connect you.") * 0.05 - 0.01


def test_after_a_failed_transfer_the_caller_is_back_in_the_node_they_came_from(follow: Follow) -> None:
    world = follow(
        [talk("a"), DESK], [way("a", "desk")], going("desk"), "They are busy.", "Tomorrow then.",
        transfer_outcome=TransferOutcome.BUSY,
    )  # fmt: skip
    assert instructions(world) == ["Be a."]
    assert lines(world) == ["I connect you.", "They are busy.", "Tomorrow then."]
    assert ("user", "tomorrow at nine please") in world.said()
    assert world.outcome.end_reason is EndReason.USER_HANGUP


def test_who_speaks_while_the_transfer_rings_is_told_that_it_failed_without_delay(follow: Follow) -> None:
    world = follow(
        [talk("a"), DESK], [way("a", "desk")], going("desk"), "They are busy.",
        timeline=[ASK, says(5.0, "hello hello are you there")], transfer_outcome=TransferOutcome.BUSY,
        transfer_seconds=5.0,
    )  # fmt: skip
    assert lines(world) == ["I connect you.", "They are busy."]
    refused = world.log.first("refer") + 5.0
    assert world.starts("They are busy.") - refused < 1.0
    # nobody is listened to while the caller is being handed over
    assert world.fed_voice == pytest.approx(ASK.end - ASK.at, abs=0.1)


def test_breaks_far_apart_are_each_taken_up_however_many_nodes_lie_between() -> None:
    nodes = [talk("a"), talk("b", first_line="Now b."), talk("c", first_line="Now c.")]
    plan = plan_workflow(graph(nodes, [way("a", "b"), way("b", "c"), way("c", "b")]), transient(ASSISTANT))
    timeline = [says(at, "go on") for at in (20.0, 40.0, 60.0)]
    world = play(
        RealtimeWorld(
            timeline, [going("b"), going("c"), going("b")], workflow=plan, breaks={1: 3.0, 5: 5.0}, hangs_up_at=90.0,
            **KINDS["reconnecting"],
        )
    )  # fmt: skip
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert world.outcome.latency is not None
    assert world.outcome.latency["provider_retries"] == 2
    assert lines(world) == ["Now b.", "Now c.", "Now b."]


def test_speech_on_the_way_is_answered_by_the_node_it_leads_to(follow: Follow) -> None:
    edges = [way("a", "check"), {"from": "check", "to": "c"}]
    world = follow(
        [talk("a"), CHECK, talk("c")], edges, going("check", "Sure."), "Nine, yes.",
        timeline=[ASK, says(4.5, "nine would be best")], tool_answers={"check_slot": (5.0, "free")},
    )  # fmt: skip
    assert instructions(world) == ["Be a.", "Be c."]
    assert world.said()[-2:] == [("user", "nine would be best"), ("assistant", "Nine, yes.")]
    # nothing of it was lost, and the model was not asked to open the node besides
    assert world.fed_voice == pytest.approx(ASK.end - ASK.at + 1.2, abs=0.1)
    assert not [kind for kind, _ in world.asked if kind == "respond"]


def test_a_noise_on_the_way_does_not_keep_the_node_from_opening(follow: Follow) -> None:
    from tests.scenarios.conversation.world import noise  # noqa: PLC0415 - only here

    edges = [way("a", "check"), {"from": "check", "to": "c"}]
    world = follow(
        [talk("a"), CHECK, talk("c")], edges, going("check", "Sure."), "Nine is free.",
        timeline=[ASK, noise(4.5, 0.4)], tool_answers={"check_slot": (5.0, "free")},
    )  # fmt: skip
    assert lines(world)[-1] == "Nine is free."


def test_other_tools_of_the_same_turn_are_told_to_the_node(follow: Follow) -> None:
    nodes = [TALKS[0] | {"tools": [{"name": "book", "description": "Books."}]}, talk("c")]
    both = Reply("Yes.", [ToolCall("c1", "book", {}), ToolCall("w1", "go_to_c", {})])
    world = follow(nodes, [way("a", "c")], both, "Booked.", timeline=[ASK], tool_answers={"book": (0.5, "seven")})
    assert lines(world)[-1] == "Booked."
    known = [text for kind, text in world.asked if kind == "result"]
    if not world.instructable:
        known = [message.content for message in world.model.sessions[1].opening.history]
    assert any("seven" in text for text in known)


def test_a_break_after_a_walk_is_taken_up_in_the_node(follow: Follow) -> None:
    broken = {1: 12.0} if follow([talk("a")], [], timeline=[]).instructable else {2: 6.0}
    world = follow(TALKS, [way("a", "b")], going("b"), "Noted.", breaks=broken)
    assert instructions(world)[-1] == "Be b."
    assert world.offered[-1] == []
    assert world.outcome.end_reason is EndReason.USER_HANGUP


def test_a_connection_that_cannot_be_renewed_is_tried_once_more_and_then_ends_the_call() -> None:
    def walked(fails: dict[int, ProviderError]) -> RealtimeWorld:
        plan = plan_workflow(graph(TALKS, [way("a", "b")]), transient(ASSISTANT))
        return play(
            RealtimeWorld(
                [ASK], [going("b")], workflow=plan, open_fails=fails, hangs_up_at=30.0, **KINDS["reconnecting"]
            )
        )

    refused = ProviderError("scripted", "no connection", retryable=True)
    once = walked({2: refused})
    assert lines(once) == ["When would you like to come?"]
    assert once.outcome.end_reason is EndReason.USER_HANGUP
    twice = walked({2: refused, 3: refused})
    assert twice.outcome.end_reason is EndReason.PROVIDER_ERROR


@pytest.mark.parametrize("at", [2.0, 2.6, 3.0, 3.6, 4.2, 5.0, 6.0])
def test_a_hang_up_at_any_moment_of_a_walk_ends_the_call(follow: Follow, at: float) -> None:
    edges = [way("a", "check", message="One second."), {"from": "check", "to": "b"}]
    world = follow([talk("a"), CHECK, TALKS[1]], edges, going("check"), timeline=[ASK], hangs_up_at=at)
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert world.closed == len(world.model.sessions)


def test_the_line_of_an_end_order_is_said_also_while_the_connection_is_renewed() -> None:
    async def end(world: RealtimeWorld) -> None:
        await world.session.command({"type": "end-call", "message": "We have to stop."})

    plan = plan_workflow(graph(TALKS, [way("a", "b")]), transient(ASSISTANT))
    world = play(
        RealtimeWorld(
            [ASK],
            [going("b")],
            workflow=plan,
            connect_delay=2.0,
            acts=[(5.0, end)],
            hangs_up_at=30.0,
            **KINDS["reconnecting"],
        )
    )
    assert world.outcome.end_reason is EndReason.CONTROL_END_CALL
    assert lines(world)[-1] == "We have to stop."


@pytest.mark.parametrize(
    "own",
    [
        {"llm_config": {"provider": "openai", "model": "gpt-5.4"}},
        {"voice": "cedar"},
        {"tts_config": {"provider": "elevenlabs", "voice_id": "george"}},
        {"stt_config": {"provider": "deepgram", "model": "nova-3", "language": "en"}},
    ],
)
def test_nodes_with_providers_of_their_own_are_refused(own: dict[str, Any]) -> None:
    with pytest.raises(ProviderError, match="speech-to-speech assistant cannot change") as raised:
        plan_workflow(graph([talk("a"), talk("b", **own)], [way("a", "b")]), transient(ASSISTANT))
    assert not raised.value.retryable
