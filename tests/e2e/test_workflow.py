"""Phone calls that follow a workflow: what is heard at changes of nodes, and that the wire knows nothing of them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import free_media_port
from tests.e2e import scenarios, sipp
from tests.e2e.ears import transcribe, utterances
from tests.e2e.listeners import running
from tests.e2e.phones import calling, talk
from tests.e2e.rhythm import GAP_LIMIT_MS, bare_sender, rhythm
from tests.e2e.stage import Json, Stage, check_ended
from tests.e2e.wire import RtpStream
from tests.fakes.openai import Answer, FakeOpenAI
from tests.media.speech.hearing import find_said, was_said

WELCOME = "Good day, what can I do for you?"
ON_THE_WAY = "One moment, I will look that up."
FOUND = "Your appointment is on Tuesday at three."
GOODBYE = "Thank you for calling and see you soon."
PUTTING_THROUGH = "I will put you through to the front desk."
DESK = "+12025550199"
SECONDS = 45


class Walking(FakeOpenAI):
    """A model that takes the first way it is offered whenever the caller has said something."""

    def answer_to(self, body: dict[str, Any]) -> Answer:
        offered = [tool["function"]["name"] for tool in body.get("tools", [])]
        ways = [name for name in offered if name.startswith("go_to_")]
        if ways and body["messages"][-1]["role"] == "user":
            return Answer(tool_calls=[("call_1", ways[0], "{}")])
        return Answer(text=["I see."])


def graph(stage: Stage, last: Json) -> Json:
    look_up = {"id": "look_up", "type": "tool", "tool_name": "appointments", "arguments": {"day": "Tuesday"},
               "url": f"{stage.local.webhook_sink_url}/tools/appointments"}  # fmt: skip
    return {
        "version": 1,
        "entry_node": "welcome",
        "nodes": [
            {
                "id": "welcome",
                "type": "conversation",
                "instructions": "Find out what they want.",
                "first_line": WELCOME,
            },
            look_up,
            {"id": "found", "type": "conversation", "instructions": "Tell them.", "first_line": FOUND},
            last,
        ],
        "edges": [
            {"from": "welcome", "to": "look_up", "description": "They ask for an appointment.", "message": ON_THE_WAY},
            {"from": "look_up", "to": "found"},
            {"from": "found", "to": last["id"], "description": "That is all they wanted."},
        ],
    }


@dataclass(frozen=True)
class Walked:
    """One call through a workflow: its row, the exit status of its phone, and what the phone was sent."""

    call: Json
    sipp_status: int
    heard: RtpStream
    bare: RtpStream


def walk(stage: Stage, folder: Path, last: Json, scenario: str, status: str, end_reason: str) -> Walked:
    llm = {"provider": "openai", "model": "gpt-4.1-mini", "messages": [{"role": "system", "content": "Be brief."}]}
    assistant = stage.assistant(llm_config=llm, ai_disclosure=None, analysis_plan=None)
    workflow = stage.make("/workflows", "workflow", {"name": last["id"], "definition": graph(stage, last)})
    stage.change(f"/workflows/{workflow['id']}", {"is_active": True})
    number = stage.number(assistant=assistant["id"], trunk=stage.local.trunk_id)
    stage.change(f"/numbers/{number['id']}", {"workflow_id": workflow["id"]})
    with (
        bare_sender(free_media_port()) as beside,
        calling(stage, scenario, folder, service=number["phone_number"]) as phone,
    ):
        verdict = phone.process.wait(SECONDS + 10)
        heard, [bare] = phone.heard(), beside.streams()
    call = check_ended(stage, stage.call_of(phone.number)["id"], status, end_reason)
    return Walked(call, verdict, heard, bare)


@pytest.fixture(scope="module")
def walked(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Walked]:
    """Two calls at once: one is ended by its workflow, the other handed over."""
    says = (4.5, "name_johnson", 9.0, "name_johnson")
    ending, handing = tmp_path_factory.mktemp("ending"), tmp_path_factory.mktemp("handing")
    goodbye = {"id": "goodbye", "type": "end", "first_line": GOODBYE}
    desk = {"id": "desk", "type": "transfer", "destination": DESK, "first_line": PUTTING_THROUGH}
    refers = scenarios.caller_is_referred(sipp.timeline(handing, *says), accepts=True, seconds=SECONDS)
    with running(Walking(port=stage.fake_openai_port)), ThreadPoolExecutor(2) as both:
        talks = talk(ending, *says, seconds=SECONDS, we_hang_up=False)
        ended = both.submit(walk, stage, ending, goodbye, talks, "ended", "workflow_end")
        handed = both.submit(walk, stage, handing, desk, refers, "transferred", "transferred")
        return {"end": ended.result(), "transfer": handed.result()}


@pytest.mark.parametrize(("kind", "last"), [("end", "see you soon"), ("transfer", "put you through")])
def test_every_node_is_heard_to_its_end(walked: dict[str, Walked], kind: str, last: str) -> None:
    one = walked[kind]
    assert one.sipp_status == 0
    heard = transcribe(one.heard.pcm())
    places = [find_said(words, heard) for words in ("what can I do for you", "look that up", "on Tuesday at", last)]
    found = [place for place in places if place is not None]
    assert found == places == sorted(found), heard


def test_the_tool_node_calls_its_webhook(stage: Stage, walked: dict[str, Walked]) -> None:
    for one in walked.values():
        [entry] = stage.webhooks(one.call["id"], path="/tools")
        [request] = entry["body"]["message"]["tool_call_list"]
        assert request["function"] == {"name": "appointments", "arguments": {"day": "Tuesday"}}


def test_the_transcript_holds_the_lines_of_the_nodes(walked: dict[str, Walked]) -> None:
    lines = {
        kind: [message["content"] for message in one.call["messages"] if message["role"] == "assistant"]
        for kind, one in walked.items()
    }
    assert lines == {
        "end": [WELCOME, ON_THE_WAY, FOUND, GOODBYE],
        "transfer": [WELCOME, ON_THE_WAY, FOUND, PUTTING_THROUGH],
    }


@pytest.mark.parametrize("kind", ["end", "transfer"])
def test_the_audio_has_no_gap_at_changes_of_nodes(walked: dict[str, Walked], kind: str) -> None:
    one = walked[kind]
    numbers = [packet.sequence for packet in one.heard.packets]
    assert all((later - earlier) & 0xFFFF == 1 for earlier, later in pairwise(numbers)), "a packet is missing"
    clock = [packet.timestamp for packet in one.heard.packets if packet.payload_type == 0]
    assert all((later - earlier) & 0xFFFFFFFF == 160 for earlier, later in pairwise(clock)), "time jumps"
    held = rhythm([one.heard], one.bare)
    print(f"{kind}: {held}")
    assert held.longest_ms <= GAP_LIMIT_MS


def test_lines_follow_each_other_without_a_long_silence(walked: dict[str, Walked]) -> None:
    """What is said on the way and the line of the node it leads to are one stretch of sound, parted by no 0.6 s."""
    for one in walked.values():
        parts = [transcribe(part) for part in utterances(one.heard.pcm())]
        assert any(was_said("look that up", part) and was_said("on Tuesday at", part) for part in parts), parts
