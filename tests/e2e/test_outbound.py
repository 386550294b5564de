"""Calls the platform places, to phones that answer, refuse, or let it ring."""

from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.e2e import scenarios, sipp
from tests.e2e.ears import transcribe
from tests.e2e.outbound_line import DESTINATION, Line
from tests.e2e.platform_process import operator
from tests.e2e.stage import Json, Stage, check_ended
from tests.media.speech.hearing import was_said

RING_TIMEOUT_SECONDS = 30


def _check_never_answered(stage: Stage, call_id: str, end_reason: str, *, seconds: float = 20) -> None:
    call = check_ended(stage, call_id, "failed", end_reason, seconds=seconds)
    assert call["started_at"] is None
    assert call["duration_seconds"] == 0
    assert call["summary"] == ""
    assert stage.usage_of(call_id) is None


def test_an_answered_call_talks_reports_and_is_billed(stage: Stage, line: Line, tmp_path: Path) -> None:
    audio = sipp.timeline(tmp_path, 5.5, "hello_hours", 6.0, "thanks_goodbye")
    scenario = scenarios.callee(audio, ring_seconds=1.5, seconds=40, we_hang_up=False)
    with line.phone(scenario, tmp_path) as phone:
        call_id = line.dial(first_message="Hello, this is a reminder from Riverside Dental.", metadata={"lead": 7})
        stage.in_status(call_id, {"ringing"})
        assert phone.process.wait(50) == 0
        heard = transcribe(phone.audio())
    assert was_said("reminder from riverside dental", heard), heard
    assert was_said("saturday we are open from", heard), heard
    assert was_said("nine to one", heard), heard
    call = check_ended(stage, call_id, "ended", "assistant_hangup")
    assert (call["direction"], call["caller_phone"]) == ("outbound", DESTINATION)
    assert call["assistant_phone"] == line.number["phone_number"]
    assert call["metadata"]["lead"] == 7
    usage = stage.usage_of(call_id)
    assert usage
    assert usage["duration_sec"] == call["duration_seconds"]


def test_refused_and_unanswered_calls_fail_with_their_reason_and_are_not_billed(
    stage: Stage, line: Line, tmp_path: Path
) -> None:
    with line.phone(scenarios.callee_never_answers(), tmp_path / "unanswered") as unanswered:
        unanswered_id = line.dial()
        stage.in_status(unanswered_id, {"ringing"})
        for status, end_reason in (
            ("486 Busy Here", "dial_busy"),
            ("600 Busy Everywhere", "dial_busy"),
            ("403 Forbidden", "dial_rejected"),
            ("603 Decline", "dial_rejected"),
            ("480 Temporarily Unavailable", "dial_no_answer"),
            ("500 Server Error", "dial_failed"),
        ):
            with line.phone(scenarios.callee_refuses(status), tmp_path / status[:3]) as phone:
                call_id = line.dial()
                assert phone.process.wait(20) == 0
                _check_never_answered(stage, call_id, end_reason)
        assert "500" in stage.call(call_id)["error"]
        assert unanswered.process.wait(RING_TIMEOUT_SECONDS + 10) == 0
        _check_never_answered(stage, unanswered_id, "dial_no_answer")


def test_the_same_idempotency_key_rings_once(stage: Stage, line: Line, tmp_path: Path) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    with line.phone(scenarios.callee_refuses("486 Busy Here"), tmp_path) as phone:
        body = line.order()
        first = stage.api.post("/calls/outbound", json=body, headers=key)
        assert phone.process.wait(20) == 0
        again = stage.api.post("/calls/outbound", json=body, headers=key)
        other = stage.api.post("/calls/outbound", json=line.order(metadata={"other": True}), headers=key)
    assert first.status_code == again.status_code == 200
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert other.status_code == 409
    _check_never_answered(stage, first.json()["call_id"], "dial_busy")


@pytest.mark.parametrize(
    ("members", "status", "code"),
    [
        ({"destination": "+19005550100"}, 400, "destination_not_allowed"),
        ({"destination": "+442079460000"}, 400, "destination_not_allowed"),
        ({"destination": "911"}, 400, None),
        ({"destination": "not a number"}, 400, None),
        ({"assistant_id": str(uuid4())}, 404, "not_found"),
        ({"number_id": str(uuid4())}, 404, "not_found"),
        ({"assistant_id": None}, 400, None),
        ({"asistant_id": "a"}, 400, None),
    ],
)
def test_a_wrong_order_is_refused_and_makes_no_call(
    stage: Stage, line: Line, members: Json, status: int, code: str | None
) -> None:
    before = stage.get("/calls", limit=1)["pagination"]["total"]
    answer = stage.api.post("/calls/outbound", json=line.order(**members))
    assert answer.status_code == status, answer.text
    assert code in {None, answer.json()["code"]}, answer.text
    assert stage.get("/calls", limit=1)["pagination"]["total"] == before


def test_a_number_that_is_not_verified_cannot_be_shown(stage: Stage) -> None:
    number = stage.number(trunk=stage.local.trunk_id)
    body = {"destination": DESTINATION, "assistant_id": stage.local.assistant_id, "number_id": number["id"]}
    answer = stage.api.post("/calls/outbound", json=body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "no_outbound_number"


def test_a_metered_organization_without_credits_is_refused(stage: Stage) -> None:
    made = operator(stage, "admin", "create-organization", "--name", "Without credits", "--billing-mode", "metered")
    with httpx.Client(base_url=stage.local.api_url, headers={"Authorization": f"Bearer {made['api_key']}"},
                      timeout=30, trust_env=False) as api:  # fmt: skip
        trunk = api.post("/sip-trunks", json={"name": "T", "provider": "custom", "address": "127.0.0.1:9"}).json()
        phone_number = "+12025550198"
        number = {"phone_number": phone_number, "transfer_trunk_id": trunk["trunk"]["id"]}
        assert api.post("/numbers", json=number).status_code == 201
        operator(stage, "numbers", "verify", "--org", made["org_id"], "--number", phone_number)
        assistant = api.post("/assistants", json={"name": "A"}).json()["assistant"]
        order = {"destination": DESTINATION, "assistant_id": assistant["id"]}
        answer = api.post("/calls/outbound", json=order)
        assert answer.status_code == 402, answer.text
        assert answer.json()["code"] == "insufficient_credits"
        assert api.get("/calls").json()["pagination"]["total"] == 0
