"""A phone call that a speech-to-speech model answers: what each side heard of the other, and when, on the wires."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.e2e import likeness
from tests.e2e.listeners import running
from tests.e2e.phones import calling, talk
from tests.e2e.sipp import sample
from tests.e2e.stage import Json, Stage, check_ended
from tests.e2e.wire import RtpCapture, RtpStream, ulaw_decode, ulaw_encode
from tests.fakes.realtime import Reply
from tests.fakes.server import Trouble
from tests.fakes.xai_realtime import FakeXaiRealtime

GREETING = "Good day, this is Anna."
OPENING_HOURS = "We are open from nine to five."
FREE_PLACE = "There is one on Tuesday."
DIRECTIONS = (
    "From the station you take the second street on the left, then you walk along the river to the old bridge, "
    "and behind the library you will find us on the right."
)
BROKEN_OFF = "Of course, what would you like to know?"
AFTER_THE_BREAK = "Please go on."
GOODBYE = "Goodbye and see you soon."
CALLER = ("When are you open?", "Is there a free place?", "How do I find you?", "One more question.", "Thanks, bye.")
SCRIPT: Sequence[float | str] = (
    3.0, "hello_hours", 3.6, "price_checkup", 2.6, "name_johnson", 1.8, "interrupt_m", 3.2, "thanks_goodbye",
)  # fmt: skip
LONGEST_DELAY_SECONDS = 0.3
"""Either way through the platform: the jitter buffer, the pieces in which audio travels, and the machine."""


def speaking_model(stage: Stage, *replies: Reply, trouble: Trouble | None = None) -> FakeXaiRealtime:
    # the recorded callers pause for up to 0.42 s within what they say
    return FakeXaiRealtime(trouble, replies=replies, caller_says=CALLER, turn_ends_after=0.5, port=stage.fake_xai_port)


def realtime_number(stage: Stage) -> str:
    tool = {
        "name": "free_places",
        "description": "Finds a free place.",
        "parameters": {"type": "object", "properties": {"day": {"type": "string"}}, "required": ["day"]},
        "url": f"{stage.local.webhook_sink_url}/tools/free_places",
    }
    llm = {
        "provider": "xai_realtime",
        "model": "grok-voice-think-fast-2.0",
        "messages": [{"role": "system", "content": "You are Anna."}],
        "tools": [tool, {"type": "end_call"}],
    }
    assistant = stage.assistant(
        name="Anna", llm_config=llm, stt_config=None, tts_config=None, first_message=GREETING, ai_disclosure=None,
        analysis_plan=None,
    )  # fmt: skip
    number: str = stage.number(assistant=assistant["id"])["phone_number"]
    return number


@contextmanager
def caller_heard(stage: Stage) -> Iterator[RtpCapture]:
    """The RTP that phones send to the platform."""
    first, last = map(int, stage.environment["SOVEREIGN_RTP_PORTS"].split("-"))
    with RtpCapture(range(first, last + 1)) as capture:
        yield capture


@dataclass(frozen=True)
class Spoken:
    """One call that was held to its end."""

    stage: Stage
    server: FakeXaiRealtime
    call: Json
    sipp_status: int
    said: RtpStream
    heard: RtpStream

    def said_at(self, name: str) -> int:
        """Where in what the caller said this recording begins."""
        return likeness.find(as_sent(name), self.said.pcm()).at

    def model_spoke(self, text: str) -> float:
        return next(at for said, at in self.server.spoke_at if said == text)


def as_sent(name: str) -> npt.NDArray[np.int16]:
    """A recording as the phone sends it."""
    return ulaw_decode(ulaw_encode(sample(name)))


@pytest.fixture(scope="module")
def spoken(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Spoken:
    folder = tmp_path_factory.mktemp("realtime")
    server = speaking_model(
        stage,
        Reply(OPENING_HOURS, voice=sample("price_f").tobytes()),
        Reply(calls=[("free_places", {"day": "tuesday"})]),
        Reply(FREE_PLACE),
        Reply(DIRECTIONS),
        Reply(BROKEN_OFF, cut_after=3),
        Reply(AFTER_THE_BREAK),
        Reply(GOODBYE, calls=[("end_call", {})]),
    )
    scenario = talk(folder, *SCRIPT, seconds=45, we_hang_up=False)
    with running(server), caller_heard(stage) as line:
        with calling(stage, scenario, folder, service=realtime_number(stage)) as phone:
            status = phone.process.wait(60)
            heard, said = phone.heard(), line.streams()[0]
        call = check_ended(stage, stage.call_of(phone.number)["id"], "ended", "assistant_hangup")
    return Spoken(stage, server, call, status, said, heard)


@pytest.mark.parametrize("name", ["hello_hours", "price_checkup"])
def test_the_model_hears_the_caller_undistorted_and_in_time(spoken: Spoken, name: str) -> None:
    hearing = spoken.server.connections[0].hearing
    wanted = as_sent(name)
    found = likeness.find(wanted, np.frombuffer(bytes(hearing.audio), np.int16))
    assert found.unchanged >= 0.97
    end = found.at + likeness.last(wanted)
    arrived = next(at for at, size in hearing.arrivals if size > end * 2)
    delay = arrived - spoken.said.seen_at(spoken.said_at(name) + likeness.last(wanted))
    print(f"{name}: {found.unchanged:.1%} unchanged, at the model after {delay * 1000:.0f} ms")
    assert 0 < delay < LONGEST_DELAY_SECONDS


def test_the_caller_hears_the_model_undistorted_and_in_time(spoken: Spoken) -> None:
    found = likeness.find(sample("price_f"), spoken.heard.pcm())
    delay = spoken.heard.seen_at(found.at) - spoken.model_spoke(OPENING_HOURS)
    print(f"{found.unchanged:.1%} unchanged, at the phone after {delay * 1000:.0f} ms")
    assert found.unchanged >= 0.97
    assert 0 < delay < LONGEST_DELAY_SECONDS


def test_an_interruption_stops_the_playback_on_the_wire(spoken: Spoken) -> None:
    began = spoken.said.seen_at(spoken.said_at("interrupt_m") + likeness.onset(as_sent("interrupt_m")))
    agent = [p for p in spoken.heard.packets if p.payload_type == 0]
    loud = [np.abs(ulaw_decode(p.payload).astype(int)).max() > 500 for p in agent]
    starts = spoken.model_spoke(DIRECTIONS)
    first = next(place for place, p in enumerate(agent) if p.seen_at > starts and loud[place])
    stopped = next(place for place in range(first, len(agent)) if not any(loud[place : place + 10]))
    took, played = agent[stopped].seen_at - began, agent[stopped].seen_at - agent[first].seen_at
    print(f"the playback stopped {took * 1000:.0f} ms after the caller's first sound; {played:.2f} s of it were heard")
    assert 0 < took < 0.4
    [cut] = [event for event in spoken.server.received if event["type"] == "conversation.item.truncate"]
    assert cut["audio_end_ms"] / 1000 == pytest.approx(played, abs=0.15)


def test_the_tool_is_called_and_its_result_answered(spoken: Spoken) -> None:
    [entry] = spoken.stage.webhooks(spoken.call["id"], path="/tools")
    [request] = entry["body"]["message"]["tool_call_list"]
    assert (request["function"]["name"], request["function"]["arguments"]) == ("free_places", {"day": "tuesday"})
    results = [item for item in items(spoken.server) if item["type"] == "function_call_output"]
    assert [json.loads(result["output"]) if result["output"].startswith("{") else result["output"]
            for result in results] == ["The appointment is booked on tuesday."]  # fmt: skip


def test_a_broken_connection_is_taken_up_with_what_was_said(spoken: Spoken) -> None:
    assert len(spoken.server.connections) == 2
    kinds = [event["type"] for event in spoken.server.received]
    again = kinds.index("session.update", 1)
    told = [event["item"] for event in spoken.server.received[again:] if event["type"] == "conversation.item.create"]
    before = [(item["role"], item["content"][0]["text"]) for item in told if item["role"] != "system"]
    assert before == said(spoken.call)[:9]
    assert "xai" in spoken.call["error"]
    assert spoken.call["latency"]["provider_retries"] == 1


def test_the_call_ends_when_the_model_hangs_up_after_its_goodbye(spoken: Spoken) -> None:
    assert spoken.sipp_status == 0, "the agent's BYE did not come"
    spoke = spoken.model_spoke(GOODBYE)
    assert spoken.heard.packets[-1].seen_at - spoke > 0.9 * len(GOODBYE) * 0.04


def test_transcript_and_usage_are_written(spoken: Spoken) -> None:
    lines = said(spoken.call)
    roles, texts = [role for role, _ in lines], [text for _, text in lines]
    assert roles == ["assistant", *["user", "assistant"] * 4, "assistant", "user", "assistant"]
    assert texts[:6] == [GREETING, CALLER[0], OPENING_HOURS, CALLER[1], FREE_PLACE, CALLER[2]]
    assert DIRECTIONS.startswith(texts[6])
    assert 3 < len(texts[6]) < len(DIRECTIONS) / 2
    assert BROKEN_OFF.startswith(texts[8])
    assert [texts[7], *texts[9:]] == [CALLER[3], AFTER_THE_BREAK, CALLER[4], GOODBYE]
    report = spoken.stage.report(spoken.call["id"])["body"]["message"]
    assert report["messages"] == spoken.call["messages"]
    usage = spoken.stage.usage_of(spoken.call["id"])
    assert usage
    assert usage["duration_sec"] == spoken.call["duration_seconds"]
    assert usage["byok_llm"] is True
    latency = spoken.call["latency"]
    used = latency["usage"]["llm"]
    assert used["input_tokens"] > 0
    assert used["audio_seconds"] == pytest.approx(spoken.call["duration_seconds"], abs=2)
    assert latency["interruptions"] == 1
    assert all(0 < turn["first_packet_ms"] < 3000 for turn in latency["turns"])


def test_a_model_that_is_gone_for_good_ends_the_call_with_its_reason(stage: Stage, tmp_path: Path) -> None:
    server = speaking_model(stage, trouble=Trouble(drop_after=3))
    scenario = talk(tmp_path, seconds=20, we_hang_up=False)
    number = realtime_number(stage)
    with running(server), calling(stage, scenario, tmp_path, service=number) as phone:
        assert phone.process.wait(30) == 0, "the agent's BYE did not come"
        call = check_ended(stage, stage.call_of(phone.number)["id"], "ended-with-error", "provider_error")
    assert len(server.connections) == 2
    assert "xai" in call["error"]
    assert server.open_connections == 0


def items(server: FakeXaiRealtime) -> list[dict[str, Any]]:
    return [event["item"] for event in server.received if event["type"] == "conversation.item.create"]


def said(call: Json) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in call["messages"]]
