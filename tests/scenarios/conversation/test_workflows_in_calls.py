"""Whole calls in virtual time that follow a workflow."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from media.calls.workflow import plan_workflow
from media.conversation.workflow.providers import OPEN_SECONDS
from media.conversation.workflow.walker import HAND_OFF_LINE, MOST_AUTOMATIC_NODES
from media.speech.interfaces import ChatEvent, ChatMessage, ProviderError, ToolCall, ToolSpec
from media.telephony.leg import TransferOutcome
from sovereign.assistants import transient
from sovereign.calls.model import EndReason
from tests.scenarios.conversation.test_workflow_graph import HELP, graph, talk, way
from tests.scenarios.conversation.world import ScriptedRecogniser, ScriptedSynthesiser, Turn, World, play, says

ASK = says(1.0, "i need an appointment")
LATER = says(8.0, "tomorrow at nine please")
CHECK = {"id": "check", "type": "tool", "tool_name": "check_slot", "arguments": {"days": 7}}
GOODBYE = {"id": "goodbye", "type": "end", "first_line": "Thanks for calling."}
DESK = {"id": "desk", "type": "transfer", "destination": "+31850835037", "first_line": "I connect you."}
ASSISTANT = {
    "llm_config": {"provider": "local", "model": "intents"},
    "stt_config": {"provider": "local", "model": "moonshine-base-en", "language": "en"},
    "tts_config": {"provider": "local", "voice_id": "heart"},
}


@dataclass
class Opener:
    """Opens what nodes ask for, after a while; everything speaks and hears as the world's own."""

    world: World
    seconds: float = 1.0
    fails: Sequence[str] = ()
    opened: list[str] = field(default_factory=list)

    async def _open(self, name: str) -> str:
        import asyncio  # noqa: PLC0415 - only to wait

        await asyncio.sleep(self.seconds)
        if name in self.fails:
            raise ProviderError(name, "not there", retryable=False)
        self.opened.append(name)
        self.world.log.add(f"opened {name}")
        return name

    async def chat_model(self, config: Any) -> "NamedModel":
        return NamedModel(self.world, await self._open(config.model))

    async def synthesiser(self, config: Any) -> "NamedVoice":
        return NamedVoice(self.world, await self._open(config.voice_id))

    async def recogniser(self, config: Any) -> ScriptedRecogniser:
        await self._open(config.model)
        return ScriptedRecogniser(self.world)


class NamedModel:
    def __init__(self, world: World, name: str) -> None:
        self.world, self.name, self.closed = world, name, False

    def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncIterator[ChatEvent]:
        self.world.log.add(f"{self.name} asked")
        return self.world.model.stream(messages, tools)

    async def close(self) -> None:
        self.world.log.add(f"{self.name} closed")


class NamedVoice(ScriptedSynthesiser):
    def __init__(self, world: World, name: str) -> None:
        super().__init__(world)
        self.name = name
        self.numbers = world.synthesiser.numbers

    def stream(self, text: str) -> AsyncIterator[bytes]:
        self.world.log.add(f"{self.name} says {text}")
        return super().stream(text)

    async def close(self) -> None:
        self.world.log.add(f"{self.name} closed")


def going(to: str, text: str = "", call_id: str = "w1") -> Turn:
    return Turn(text, [ToolCall(call_id, f"go_to_{to}", {})])


def workflow(
    nodes: list[dict[str, Any]], edges: list[dict[str, Any]], *answers: Turn | str,
    assistant: dict[str, Any] | None = None, seconds: float = 1.0, fails: Sequence[str] = (), **world: Any,
) -> World:  # fmt: skip
    plan = plan_workflow(graph(nodes, edges), transient(ASSISTANT | (assistant or {})))
    script: dict[str, Any] = {"timeline": [ASK, LATER], "tool_answers": {"check_slot": (0.5, {"free": True})}}
    return World(
        answers=answers, workflow=plan, opener=lambda made: Opener(made, seconds, fails), **(script | world)
    )  # fmt: skip


def told(world: World, request: int = -1) -> list[Any]:
    return [json.loads(m.content) for m in world.model.requests[request] if m.role == "tool"]


def prompts(world: World) -> list[str]:
    return [request[0].content for request in world.model.requests]


TALKS = [talk("a"), talk("b", first_line="When would you like to come?")]


def test_the_call_begins_with_the_entry_nodes_instructions_and_ways() -> None:
    world = play(workflow(TALKS, [way("a", "b")], "How can I help?"))
    assert prompts(world)[0] == "Be a."
    assert world.model.offered[0] == ["go_to_b"]


def test_a_transition_swaps_instructions_and_tools_and_speaks_the_first_line() -> None:
    tools = [{"name": "book", "description": "Books."}]
    nodes = [TALKS[0], TALKS[1] | {"tools": tools}]
    world = play(workflow(nodes, [way("a", "b")], going("b"), "Noted."))
    assert prompts(world) == ["Be a.", "Be b."]
    assert world.model.offered == [["go_to_b"], ["book"]]
    assert told(world) == [{"result": "moved on to b"}]
    assert world.said() == [
        ("user", "i need an appointment"),
        ("assistant", "When would you like to come?"),
        ("user", "tomorrow at nine please"),
        ("assistant", "Noted."),
    ]


def test_a_node_without_a_first_line_is_opened_by_the_model_after_a_hand_off() -> None:
    world = play(workflow([talk("a"), talk("b")], [way("a", "b")], going("b"), "When?", timeline=[ASK]))
    assert prompts(world) == ["Be a.", "Be b."]
    assert world.said()[1:] == [("assistant", HAND_OFF_LINE), ("assistant", "When?")]


def test_no_neutral_line_is_spoken_when_the_model_spoke_itself() -> None:
    world = play(workflow([talk("a"), talk("b")], [way("a", "b")], going("b", "Of course."), "When?", timeline=[ASK]))
    assert world.said()[1:] == [("assistant", "Of course."), ("assistant", "When?")]


def test_an_edges_message_is_spoken_on_the_way() -> None:
    edges = [way("a", "b", message="I look into that.")]
    world = play(workflow(TALKS, edges, going("b"), timeline=[ASK]))
    assert world.said()[1:] == [("assistant", "I look into that."), ("assistant", "When would you like to come?")]


def test_a_global_node_is_entered_from_anywhere_and_left_again() -> None:
    back = Turn("", [ToolCall("w2", "go_back", {})])
    world = play(workflow([TALKS[0], HELP], [], going("help"), back, "Where were we?", timeline=[ASK]))
    assert prompts(world) == ["Be a.", "Be help.", "Be a."]
    assert world.model.offered == [["go_to_help"], ["go_back"], ["go_to_help"]]


def test_a_tool_node_runs_by_itself_and_its_result_is_known_in_the_next_node() -> None:
    check = CHECK | {"first_line": "Let me check."}
    edges = [way("a", "check"), {"from": "check", "to": "c"}]
    world = play(workflow([talk("a"), check, talk("c")], edges, going("check"), "Nine is free.", timeline=[ASK]))
    assert world.asker.asked == [("check_slot", {"days": 7})]
    assert told(world) == [
        {"result": "moved on to c", "ran": [{"tool": "check_slot", "result": json.dumps({"free": True})}]}
    ]
    assert world.starts("Let me check.") < world.log.first("tool done check_slot")
    assert world.said()[1:] == [("assistant", "Let me check."), ("assistant", "Nine is free.")]


def test_a_failed_tool_node_goes_on_with_the_error_in_context() -> None:
    edges = [way("a", "check"), {"from": "check", "to": "c"}]
    world = play(
        workflow(
            [talk("a"), CHECK, talk("c")], edges, going("check"), "I cannot see that.",
            timeline=[ASK], tool_answers={"check_slot": (1000.0, None)}, hangs_up_at=40.0,
        )
    )  # fmt: skip
    (ran,) = told(world)[0]["ran"]
    assert json.loads(ran["result"]) == {"error": "the tool did not answer in time"}
    assert world.said()[-1] == ("assistant", "I cannot see that.")


def test_a_tool_node_uses_the_named_tool_with_its_own_url() -> None:
    tools = [{"name": "check_slot", "description": "d", "server": {"secret": "s3cret"}}]
    assistant = {"llm_config": ASSISTANT["llm_config"] | {"tools": tools}}
    check = CHECK | {"url": "https://example.com/slots"}
    edges = [way("a", "check"), {"from": "check", "to": "c"}]
    world = workflow([talk("a"), check, talk("c")], edges, going("check"), "Free.", assistant=assistant, timeline=[ASK])
    play(world)
    (tool,) = world.asker.tools
    assert tool.server is not None
    assert (tool.target, tool.server.secret) == ("https://example.com/slots", "s3cret")


def test_tool_nodes_in_a_circle_come_to_an_end() -> None:
    other = {"id": "again", "type": "tool", "tool_name": "check_slot"}
    edges = [way("a", "check"), {"from": "check", "to": "again"}, {"from": "again", "to": "check"}]
    world = play(workflow([talk("a"), CHECK, other], edges, going("check"), "I am sorry.", timeline=[ASK]))
    assert len(world.asker.asked) == MOST_AUTOMATIC_NODES
    assert "no end" in told(world)[0]["error"]
    assert prompts(world)[-1] == "Be a."
    assert world.outcome.end_reason is EndReason.USER_HANGUP


def test_an_end_node_says_goodbye_and_hangs_up() -> None:
    edges = [way("a", "goodbye", message="All right.")]
    world = play(workflow([talk("a"), GOODBYE], edges, going("goodbye"), timeline=[ASK]))
    assert world.outcome.end_reason is EndReason.WORKFLOW_END
    assert world.said()[1:] == [("assistant", "All right."), ("assistant", "Thanks for calling.")]
    assert world.log.first("hang up") >= world.starts("Thanks for calling.") + 19 * 0.05


def test_an_end_node_without_a_line_hangs_up_after_what_the_model_said() -> None:
    world = play(
        workflow([talk("a"), {"id": "z", "type": "end"}], [way("a", "z")], going("z", "Goodbye."), timeline=[ASK])
    )
    assert world.outcome.end_reason is EndReason.WORKFLOW_END
    assert world.said()[1:] == [("assistant", "Goodbye.")]


def test_a_tool_node_may_lead_to_the_end() -> None:
    edges = [way("a", "check"), {"from": "check", "to": "goodbye"}]
    world = play(workflow([talk("a"), CHECK, GOODBYE], edges, going("check"), timeline=[ASK]))
    assert world.asker.asked
    assert world.outcome.end_reason is EndReason.WORKFLOW_END


def test_a_transfer_node_announces_and_hands_over() -> None:
    world = play(workflow([talk("a"), DESK], [way("a", "desk")], going("desk"), timeline=[ASK]))
    assert world.leg.transfers == ["sip:+31850835037@trunk.example"]
    assert world.log.first("refer") >= world.starts("I connect you.") + 14 * 0.05
    assert world.outcome.end_reason is EndReason.TRANSFERRED


def test_after_a_failed_transfer_the_caller_is_back_in_the_node_they_came_from() -> None:
    world = play(
        workflow(
            [talk("a"), DESK], [way("a", "desk")], going("desk"), "They are busy.",
            timeline=[ASK], transfer_outcome=TransferOutcome.BUSY,
        )
    )  # fmt: skip
    assert "busy" in told(world)[0]["transfer"]
    assert world.model.offered[-1] == ["go_to_desk"]
    assert world.said()[-1] == ("assistant", "They are busy.")
    assert world.outcome.end_reason is EndReason.USER_HANGUP


def test_only_the_first_way_of_an_answer_is_taken() -> None:
    both = Turn("", [ToolCall("w1", "go_to_b", {}), ToolCall("w2", "go_to_goodbye", {})])
    world = play(workflow([*TALKS, GOODBYE], [way("a", "b"), way("a", "goodbye")], both, "Noted."))
    assert told(world, 1) == [{"result": "moved on to b"}, {"error": "another way was taken"}]
    assert world.outcome.end_reason is EndReason.USER_HANGUP


def test_speech_during_a_tool_node_is_answered_by_the_node_that_follows() -> None:
    edges = [way("a", "check"), {"from": "check", "to": "c"}]
    world = play(
        workflow(
            [talk("a"), CHECK, talk("c")], edges, going("check"), "Nine, yes.",
            timeline=[ASK, says(4.5, "nine would be best")], tool_answers={"check_slot": (5.0, "free")},
        )
    )  # fmt: skip
    assert prompts(world) == ["Be a.", "Be c."]
    assert world.said()[-2:] == [("user", "nine would be best"), ("assistant", "Nine, yes.")]


OWN = talk(
    "b",
    llm_config={"provider": "openai", "model": "gpt-5.4"},
    tts_config={"provider": "elevenlabs", "voice_id": "george"},
    stt_config={"provider": "deepgram", "model": "nova-3", "language": "en"},
)


def test_a_node_brings_its_own_model_voice_and_recogniser() -> None:
    world = play(workflow([talk("a"), OWN], [way("a", "b", message="A colleague takes over.")], going("b"), "Hello."))
    assert sorted(what for _, what in world.log.lines if what.startswith("opened")) == [
        "opened george", "opened gpt-5.4", "opened nova-3",
    ]  # fmt: skip
    assert world.log.first("gpt-5.4 asked") >= world.log.first("opened gpt-5.4")
    assert world.log.first("george says Hello.") >= world.log.first("opened george")
    # what was begun in the old voice stays in it
    assert not world.log.times("george says A colleague")
    assert ("user", "tomorrow at nine please") in world.said()
    assert world.log.times("gpt-5.4 closed")
    assert world.log.times("george closed")
    assert world.model.closed
    assert world.synthesiser.closed


@pytest.mark.parametrize("at", [3.0 + tenth / 10 for tenth in range(0, 20, 3)])
def test_what_the_caller_says_while_providers_change_is_heard_whole(at: float) -> None:
    """The recogniser changes at about 4 s, at different places of the sentence."""
    sentence = "actually make that two appointments for both of my children"
    world = play(workflow([talk("a"), OWN], [way("a", "b")], going("b"), "Hello.", timeline=[ASK, says(at, sentence)]))
    assert world.log.times("opened nova-3")
    assert ("user", sentence) in world.said()


def test_a_node_whose_providers_cannot_be_opened_goes_on_with_those_there_are() -> None:
    fails = ["gpt-5.4", "george", "nova-3"]
    world = play(workflow([talk("a"), OWN], [way("a", "b")], going("b"), "Hello.", "Noted.", fails=fails))
    assert prompts(world)[1] == "Be b."
    assert world.said()[-2:] == [("user", "tomorrow at nine please"), ("assistant", "Noted.")]
    assert all(name in (world.outcome.error or "") for name in fails)


def test_providers_that_hang_are_not_waited_for_for_ever() -> None:
    world = play(workflow([talk("a"), OWN], [way("a", "b")], going("b"), "Hello.", seconds=1e6, timeline=[ASK]))
    assert world.starts("Hello.") - world.log.first("model asked 1") < OPEN_SECONDS + 2.0


def test_nodes_without_providers_of_their_own_use_the_entry_nodes() -> None:
    plan = plan_workflow(graph([OWN, talk("c")], [way("b", "c")]), transient(ASSISTANT))
    assert plan.speech["c"] == plan.speech["b"] == plan.begins_with
    assert plan.speech["c"].llm.model == "gpt-5.4"


def test_a_voice_the_assistants_synthesiser_does_not_have_leaves_its_own() -> None:
    plan = plan_workflow(
        graph([talk("a", voice="nobody"), talk("c", voice="cedar")], [way("a", "c")]),
        transient(ASSISTANT | {"tts_config": {"provider": "openai", "voice_id": "alloy", "speed": 1.5}}),
    )
    assert [plan.speech[node].tts.voice_id for node in ("a", "c")] == ["alloy", "cedar"]
    assert plan.speech["c"].tts.stored()["speed"] == 1.5


@pytest.mark.parametrize("at", [2.0, 2.4, 2.6, 3.0, 3.4, 4.0, 4.6, 5.2, 6.0])
def test_a_hang_up_at_any_moment_of_a_walk_ends_the_call(at: float) -> None:
    edges = [way("a", "check", message="One second."), {"from": "check", "to": "b"}]
    world = play(workflow([talk("a"), CHECK, OWN], edges, going("check"), "Hello.", timeline=[ASK], hangs_up_at=at))
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert world.leg.hung_up
