"""Commands that change a running call, seen and heard where they take effect."""

import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.conftest import free_ports
from tests.e2e import scenarios, sipp
from tests.e2e.ears import transcribe
from tests.e2e.listeners import running
from tests.e2e.phones import Phone, calling, talk, waiting
from tests.e2e.stage import Stage, check_ended, until
from tests.fakes.openai import Answer, Chat, FakeOpenAI
from tests.media.speech.hearing import was_said

SENT = {"success": True, "message": "Command sent successfully"}


@pytest.fixture
def silent_call(stage: Stage, tmp_path: Path) -> Iterator[tuple[Phone, str]]:
    """A caller who only listens, in a call that has begun: the phone and the call's id."""
    with calling(stage, talk(tmp_path, seconds=60, we_hang_up=False), tmp_path) as phone:
        call_id = stage.call_of(phone.number)["id"]
        stage.in_status(call_id, {"in-progress"})
        yield phone, call_id


def _heard(phone: Phone, words: str, *, seconds: float = 15) -> None:
    """Wait until the agent was heard to say this on the wire."""
    until(lambda: was_said(words, transcribe(phone.audio())) or None, seconds, f"'{words}' on the wire")


def test_say_send_dtmf_and_end_call_are_heard_and_seen_on_the_wire(
    stage: Stage, silent_call: tuple[Phone, str]
) -> None:
    phone, call_id = silent_call
    stage.said(call_id, "how can i help you")
    said = stage.control(call_id, type="say", content="The doctor is running ten minutes late today.")
    assert (said.status_code, said.json()) == (200, SENT)
    stage.said(call_id, "ten minutes late")
    assert stage.control(call_id, type="send-dtmf", digits="42#").status_code == 200
    until(lambda: phone.heard().key_tones() == "42#" or None, 10, "the key tones on the wire")
    ended = stage.control(call_id, type="end-call", message="We have to stop here, see you soon.")
    assert ended.status_code == 200
    assert phone.process.wait(20) == 0
    heard = transcribe(phone.audio())
    assert was_said("running ten minutes late today", heard), heard
    assert was_said("have to stop here", heard), heard
    check_ended(stage, call_id, "ended", "control_end_call")
    late = stage.control(call_id, type="say", content="Anybody there?")
    assert late.status_code == 400


def test_injected_context_reaches_the_model_and_its_answer_the_caller(stage: Stage, tmp_path: Path) -> None:
    chat = Chat([Answer(text=["The practice", " moved to", " Garden Lane."])])
    fake = FakeOpenAI(chat=chat, port=stage.fake_openai_port)
    llm = {"provider": "openai", "model": "gpt-4.1-mini", "messages": [{"role": "system", "content": "Be brief."}]}
    number = stage.number(assistant=stage.assistant(llm_config=llm, analysis_plan=None)["id"])["phone_number"]
    with (
        running(fake),
        calling(stage, talk(tmp_path, seconds=60, we_hang_up=False), tmp_path, service=number) as phone,
    ):
        call_id = stage.call_of(phone.number)["id"]
        stage.said(call_id, "how can i help you")
        assert stage.control(call_id, type="inject-context", content="Nobody is told this.").status_code == 200
        time.sleep(1.5)
        assert fake.requests == [], "context alone must not make the model speak"
        order = {"content": "The address is Garden Lane 5 now.", "trigger_response": True}
        assert stage.control(call_id, type="inject-context", **order).status_code == 200
        stage.said(call_id, "moved to garden lane")
        told = str(fake.requests[0]["messages"])
        assert "Nobody is told this." in told
        assert "The address is Garden Lane 5 now." in told
        assert stage.control(call_id, type="say", content="Goodbye then.", end_after=True).status_code == 200
        assert phone.process.wait(20) == 0
        heard = transcribe(phone.audio())
        assert was_said("garden lane", heard), heard
        assert was_said("goodbye then", heard), heard
        check_ended(stage, call_id, "ended", "control_end_call", "assistant_hangup")
    usage = stage.usage_of(call_id)
    assert usage
    assert (usage["byok_stt"], usage["byok_llm"], usage["byok_tts"]) == (False, True, False)


def _transfer(stage: Stage, phone: Phone, destination: str) -> str:
    """Order a transfer in the call of a phone that takes no REFER unless its scenario does; the call's id."""
    call_id = stage.call_of(phone.number)["id"]
    stage.said(call_id, "how can i help you")
    order = {"destination": destination, "message": "I will put you through now."}
    assert stage.control(call_id, type="transfer", **order).status_code == 200
    until(lambda: f"Refer-To: {destination}" in phone.process.all_messages() or None, 15, "the REFER")
    return call_id


def _reported(stage: Stage, call_id: str, destination: str, outcome: str) -> None:
    transfer = stage.report(call_id)["body"]["message"]["transfer"]
    assert transfer == {"destination": destination, "outcome": outcome}


def test_transfer_refers_the_caller(stage: Stage, tmp_path: Path) -> None:
    desk = "sip:desk@127.0.0.1:24999"
    scenario = scenarios.caller_is_referred(sipp.timeline(tmp_path), accepts=True, seconds=40)
    with calling(stage, scenario, tmp_path) as phone:
        call_id = _transfer(stage, phone, desk)
        assert phone.process.wait(30) == 0, phone.process.messages()
        assert was_said("put you through now", transcribe(phone.audio()))
    check_ended(stage, call_id, "transferred", "transferred")
    _reported(stage, call_id, desk, "succeeded")


def test_caller_whose_phone_takes_no_refer_is_bridged_and_both_hear_each_other(stage: Stage, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    desk = f"sip:desk@127.0.0.1:{port}"
    answering = sipp.timeline(tmp_path / "desk", 5.0, "price_checkup")
    says = sipp.timeline(tmp_path / "caller", 30.0, "hello_hours")
    caller = scenarios.caller_is_referred(says, accepts=False, seconds=80)
    with (
        waiting(scenarios.callee(answering, ring_seconds=2, seconds=40, we_hang_up=True), tmp_path, port=port) as other,
        calling(stage, caller, tmp_path / "caller") as phone,
    ):
        call_id = _transfer(stage, phone, desk)
        stage.in_status(call_id, {"transferred"})
        bridged = stage.call(call_id)
        assert (bridged["end_reason"], bridged["ended_at"]) == ("transferred", None)
        assert other.process.wait(60) == 0, other.process.messages()
        assert phone.process.wait(20) == 0, phone.process.messages()
        assert was_said("opening hours on saturday", transcribe(other.audio()))
        heard = transcribe(phone.audio())
        assert was_said("put you through now", heard), heard
        assert was_said("how much does a check", heard), heard
    until(lambda: stage.call(call_id)["ended_at"], 20, "the end of the bridge")
    assert check_ended(stage, call_id, "transferred", "transferred")["duration_seconds"] >= 40
    _reported(stage, call_id, desk, "succeeded")
    updates = stage.webhooks(call_id, "status-update")
    told = sorted(
        {(int(e["headers"]["webhook-id"].rpartition(".")[2]), e["body"]["message"]["call"]["status"]) for e in updates}
    )
    assert [status for _, status in told] == ["ringing", "in-progress", "transferred"]


def test_caller_goes_on_with_the_assistant_when_the_other_side_is_busy(stage: Stage, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    desk = f"sip:desk@127.0.0.1:{port}"
    caller = scenarios.caller_is_referred(sipp.timeline(tmp_path / "caller"), accepts=False, seconds=60)
    with (
        waiting(scenarios.callee_refuses("486 Busy Here"), tmp_path, port=port) as other,
        calling(stage, caller, tmp_path / "caller") as phone,
    ):
        call_id = _transfer(stage, phone, desk)
        assert other.process.wait(20) == 0, other.process.messages()
        spoken = len(stage.call(call_id)["messages"])
        until(lambda: len(stage.call(call_id)["messages"]) > spoken or None, 15, "the assistant going on")
        assert stage.control(call_id, type="end-call").status_code == 200
        assert phone.process.wait(30) == 0, phone.process.messages()
    check_ended(stage, call_id, "ended", "control_end_call")
    _reported(stage, call_id, desk, "busy")


def test_commands_are_checked_and_limited(stage: Stage, silent_call: tuple[Phone, str]) -> None:
    phone, call_id = silent_call
    for wrong in (
        {"type": "sing"},
        {"type": "say"},
        {"type": "send-dtmf", "digits": "1x"},
        {"type": "say", "text": "a"},
    ):
        answer = stage.api.post(f"/calls/{call_id}/control", json=wrong)
        assert answer.status_code == 400, answer.text
        assert answer.json()["details"]
    forbidden = stage.control(call_id, type="transfer", destination="+19005550100")
    assert forbidden.status_code == 400
    assert forbidden.json()["code"] == "destination_not_allowed"
    unknown = stage.control(f"call-inbound-{uuid4().hex[:12]}", type="end-call")
    assert unknown.status_code == 404
    answers = [stage.control(call_id, type="inject-context", content="x") for _ in range(21)]
    assert answers[0].status_code == 200
    limited = [answer for answer in answers if answer.status_code == 429]
    assert limited, "ten commands a minute"
    assert {answer.status_code for answer in answers} == {200, 429}
    assert int(limited[0].headers["Retry-After"]) > 0
    assert limited[0].json()["retry_after"] > 0
    phone.process.stop()
