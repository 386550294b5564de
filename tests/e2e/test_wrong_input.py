"""What must not disturb a call or the platform."""

import random
import socket
import threading
from pathlib import Path

from tests.e2e import scenarios
from tests.e2e.ears import transcribe
from tests.e2e.listeners import running
from tests.e2e.phones import calling, talk
from tests.e2e.stage import Stage, check_ended
from tests.fakes.openai import Answer, Chat, FakeOpenAI
from tests.fakes.server import Trouble
from tests.media.speech.hearing import was_said

GARBAGE = (
    b"",
    b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"INVITE sip:+12025550142@127.0.0.1 SIP/2.0\r\n\r\n",
    b"INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:1\r\nContent-Length: 99999999\r\n\r\nv=0",
    b"SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\nCall-ID: nobody\r\n\r\n",
    b"BYE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:1;branch=z9hG4bKx\r\nCall-ID: nobody\r\nCSeq: 1 BYE\r\n\r\n",
    b"A" * 60_000,
)


def _throw_garbage(address: str, until: threading.Event) -> int:
    host, port = address.split(":")
    noise, thrown = random.Random(7), 0
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        while not until.wait(0.005):
            sender.sendto(noise.choice([*GARBAGE, noise.randbytes(noise.randrange(1, 1400))]), (host, int(port)))
            thrown += 1
    return thrown


def test_garbage_on_the_sip_port_leaves_a_call_undisturbed(stage: Stage, tmp_path: Path) -> None:
    over = threading.Event()
    thrower = threading.Thread(target=_throw_garbage, args=(stage.sip, over))
    before = stage.get("/calls", limit=1)["pagination"]["total"]
    with calling(stage, talk(tmp_path, 6.5, "price_f", seconds=21, we_hang_up=True), tmp_path) as phone:
        thrower.start()
        try:
            assert phone.process.wait(30) == 0
        finally:
            over.set()
            thrower.join()
        heard = transcribe(phone.audio())
    assert was_said("sixty", heard), heard
    check_ended(stage, stage.call_of(phone.number)["id"], "ended", "user_hangup")
    assert stage.get("/calls", limit=1)["pagination"]["total"] == before + 1


def test_a_number_nobody_owns_is_refused_without_a_trace(stage: Stage, tmp_path: Path) -> None:
    with calling(stage, scenarios.refused(486), tmp_path, service="+12025550100") as phone:
        assert phone.process.wait(15) == 0, phone.process.messages()
    assert stage.find_call(phone.number) is None


def test_an_inactive_assistant_takes_no_call(stage: Stage, tmp_path: Path) -> None:
    number = stage.number(assistant=stage.assistant(is_active=False)["id"])["phone_number"]
    with calling(stage, scenarios.refused(486), tmp_path, service=number) as phone:
        assert phone.process.wait(15) == 0, phone.process.messages()
    assert stage.find_call(phone.number) is None


def test_a_provider_that_hangs_up_mid_sentence_ends_in_an_apology(stage: Stage, tmp_path: Path) -> None:
    chat = Chat([Answer(text=["Let me see. ", "The price of that is", " about"])])
    fake = FakeOpenAI(Trouble(drop_after=3), chat=chat, port=stage.fake_openai_port)
    llm = {"provider": "openai", "model": "gpt-4.1-mini", "messages": [{"role": "system", "content": "Be brief."}]}
    number = stage.number(assistant=stage.assistant(llm_config=llm, analysis_plan=None)["id"])["phone_number"]
    scenario = talk(tmp_path, 6.5, "price_checkup", seconds=40, we_hang_up=False)
    with running(fake), calling(stage, scenario, tmp_path, service=number) as phone:
        assert phone.process.wait(50) == 0, "the agent's BYE did not come"
        heard = transcribe(phone.audio())
        call = check_ended(stage, stage.call_of(phone.number)["id"], "ended-with-error", "provider_error")
    assert was_said("sorry", heard), heard
    assert call["error"]
    assert "openai" in call["error"].lower()
    report = stage.report(call["id"])["body"]["message"]
    assert report["summary"] is not None
    [final] = [e["body"]["message"] for e in stage.webhooks(call["id"], "status-update")
               if e["body"]["message"]["call"]["status"] == "ended-with-error"]  # fmt: skip
    assert final["error"] == call["error"]
