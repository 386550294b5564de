"""The demonstration assistant in a whole conversation with a phone that was not written here."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.ears import transcribe
from tests.e2e.phones import calling, talk
from tests.e2e.signatures import sovereign_signature_holds, standard_signature_holds
from tests.e2e.stage import RIVERSIDE, Stage
from tests.media.speech.hearing import recordings, was_said, word_errors

LINES = ("hello_f", "price_checkup", "price_f", "book_tuesday", "name_johnson", "thanks_goodbye")
PAUSE_SECONDS = 7.5
"""Long enough for every answer of the assistant to be spoken to its end."""


@dataclass(frozen=True)
class Conversation:
    """One call of six lines, after its report: its row, what the sink got, and what the caller heard."""

    stage: Stage
    caller: str
    call: dict[str, Any]
    heard: str
    sipp_status: int

    @property
    def report(self) -> dict[str, Any]:
        entry: dict[str, Any] = self.stage.report(self.call["id"])
        return entry


@pytest.fixture(scope="module")
def conversation(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Conversation:
    folder = tmp_path_factory.mktemp("conversation")
    parts = [part for line in LINES for part in (line, PAUSE_SECONDS)]
    with calling(stage, talk(folder, 6.5, *parts, seconds=100, we_hang_up=False), folder) as phone:
        status = phone.process.wait(110)
        heard = transcribe(phone.audio())
    call = stage.over(stage.call_of(phone.number)["id"])
    stage.report(call["id"])
    return Conversation(stage, phone.number, stage.call(call["id"]), heard, status)


def test_the_call_is_ended_by_the_assistant_after_goodbye(conversation: Conversation) -> None:
    assert conversation.sipp_status == 0, "the agent's BYE did not come"
    call = conversation.call
    assert (call["status"], call["end_reason"], call["error"]) == ("ended", "assistant_hangup", None)
    assert call["direction"] == "inbound"
    assert (call["caller_phone"], call["assistant_phone"]) == (conversation.caller, "+12025550142")
    assert call["agent_id"] == call["assistant_id"] == conversation.stage.local.assistant_id
    assert 40 <= call["duration_seconds"] <= 100


def test_the_transcript_holds_what_was_said(conversation: Conversation) -> None:
    said = " ".join(recordings()[line].text for line in LINES)
    messages = conversation.call["messages"]
    heard = " ".join(m["content"] for m in messages if m["role"] == "user")
    wrong, words = word_errors(said, heard)
    print(f"word errors: {wrong} of {words}")
    assert wrong / words < 0.15, heard
    opening = [m["content"] for m in messages[:2]]
    assert opening == ["You are speaking with an AI assistant.", RIVERSIDE["first_message"]]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(["saturday", "nine", "one"], id="saturday_hours"),
        pytest.param(["check", "forty five"], id="check_up_price"),
        pytest.param(["cleaning", "sixty"], id="cleaning_price"),
    ],
)
def test_the_right_answer_is_heard_on_the_wire(conversation: Conversation, answer: list[str]) -> None:
    for words in answer:
        assert was_said(words, conversation.heard), conversation.heard


def test_the_booking_tool_is_called_with_what_was_spoken(conversation: Conversation) -> None:
    [entry] = conversation.stage.webhooks(conversation.call["id"], path="/tools")
    assert entry["headers"]["x-webhook-event"] == "tool-calls"
    [request] = entry["body"]["message"]["tool_call_list"]
    arguments = request["function"]["arguments"]
    assert request["function"]["name"] == "book_appointment"
    assert "tuesday" in arguments["day"].lower()
    assert arguments["time"].lower() in {"3:30", "three thirty", "15:30"}
    assert arguments["name"] == "Peter Johnson"


def test_webhooks_arrive_in_order_and_both_signatures_verify(conversation: Conversation) -> None:
    call_id, secret = conversation.call["id"], conversation.stage.local.webhook_secret
    entries = conversation.stage.webhooks(call_id)
    told = [(e["body"]["message"]["type"], e["body"]["message"]["call"]["status"]) for e in entries]
    assert told == [
        ("assistant-request", "ringing"),
        ("status-update", "ringing"),
        ("status-update", "in-progress"),
        ("status-update", "ended"),
        ("end-of-call-report", "ended"),
    ]
    for entry in entries:
        headers, raw = entry["headers"], entry["raw"]
        assert sovereign_signature_holds(headers, raw, secret)
        assert standard_signature_holds(headers, raw, secret)
        assert not sovereign_signature_holds(headers, raw + " ", secret)
        assert not standard_signature_holds(headers, raw, "whsec_" + "B" * 64)
    # a tool's own address has a secret of its own, and the demonstration's has none
    [tool_calls] = conversation.stage.webhooks(call_id, path="/tools")
    assert "x-webhook-signature" not in tool_calls["headers"]
    assert len({entry["headers"]["webhook-id"] for entry in entries}) == len(entries)


def test_the_report_and_the_row_tell_the_same_story(conversation: Conversation) -> None:
    call, message = conversation.call, conversation.report["body"]["message"]
    assert message["messages"] == call["messages"]
    assert message["summary"] == call["summary"]
    assert message["analysis"] == call["analysis_result"]
    assert message["started_at"] == call["started_at"]
    assert message["ended_at"] == call["ended_at"]
    assert "appointment" in call["summary"].lower()
    analysis = call["analysis_result"]
    assert analysis["appointment_requested"] is True
    assert "tuesday" in analysis["day"].lower()
    assert analysis["time"].lower() in {"3:30", "three thirty", "15:30"}


def test_usage_is_booked_once(conversation: Conversation) -> None:
    call = conversation.call
    logs = [log for log in conversation.stage.get("/usage", limit=1000)["logs"] if log["call_id"] == call["id"]]
    assert len(logs) == 1
    assert logs[0] | {"id": None, "created_at": None} == {
        "id": None,
        "call_id": call["id"],
        "duration_sec": call["duration_seconds"],
        "call_type": "phone",
        "phone_number": "+12025550142",
        "agent_name": "Riverside Dental receptionist",
        "assistant_name": "Riverside Dental receptionist",
        "business_name": "Riverside Dental",
        "byok_stt": False,
        "byok_llm": False,
        "byok_tts": False,
        "created_at": None,
    }
