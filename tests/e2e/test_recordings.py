"""A call's recording, fetched as a customer does it and heard again by the local recogniser."""

import io
import json
import wave
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import numpy.typing as npt
import pytest

from tests.e2e.ears import transcribe
from tests.e2e.phones import calling, talk
from tests.e2e.stage import RIVERSIDE, Json, Stage, until
from tests.media.speech.hearing import recordings, was_said, word_errors

LINES = ("hello_hours", "price_checkup")
BEGINS, PAUSE = 7.0, 7.0
"""After the greeting; long enough for an answer."""
SECONDS = 32


@dataclass(frozen=True)
class Recorded:
    """A recorded call after its report, and its two sides."""

    call: Json
    report: Json
    left: npt.NDArray[np.int16]
    right: npt.NDArray[np.int16]
    wire: npt.NDArray[np.int16]


def fetched(url: str) -> tuple[npt.NDArray[np.int16], httpx.Response]:
    """What a link leads to, without any key."""
    answer = httpx.get(url, follow_redirects=True, timeout=30, trust_env=False)
    assert answer.status_code == 200, answer.text
    with wave.open(io.BytesIO(answer.content)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8000)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2), answer


@pytest.fixture(scope="module")
def recorded(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    folder = tmp_path_factory.mktemp("recorded")
    parts = [part for line in LINES for part in (line, PAUSE)]
    with calling(stage, talk(folder, BEGINS, *parts, seconds=SECONDS, we_hang_up=True), folder) as phone:
        phone.process.wait(60)
        wire = phone.audio()
    call_id = stage.over(stage.call_of(phone.number)["id"])["id"]
    report = stage.report(call_id)["body"]["message"]
    call = stage.call(call_id)
    frames, answer = fetched(call["recording_url"])
    [redirect] = answer.history
    assert redirect.status_code == 302
    assert answer.headers["content-type"] == "audio/wav"
    return Recorded(call, report, frames[:, 0], frames[:, 1], wire)


def test_recording_is_as_long_as_the_call(recorded: Recorded) -> None:
    assert len(recorded.left) / 8000 == pytest.approx(recorded.call["duration_seconds"], abs=1.5)


def test_the_callers_words_are_left(recorded: Recorded) -> None:
    said = " ".join(recordings()[line].text for line in LINES)
    heard = transcribe(recorded.left)
    wrong, words = word_errors(said, heard)
    print(f"left: {wrong} wrong of {words}: {heard}")
    assert wrong / words < 0.15, heard


def test_the_agents_words_are_right(recorded: Recorded) -> None:
    said = " ".join(m["content"] for m in recorded.call["messages"] if m["role"] == "assistant")
    heard = transcribe(recorded.right)
    wrong, words = word_errors(said, heard)
    print(f"right: {wrong} wrong of {words}: {heard}")
    assert wrong / words < 0.25, heard
    assert was_said(RIVERSIDE["first_message"], heard), heard


def test_both_sides_are_where_they_were_heard(recorded: Recorded) -> None:
    """The caller speaks after the greeting, on one time line with the agent's answer after it."""
    loud = [np.flatnonzero(np.abs(side.astype(int)) > 600) / 8000 for side in (recorded.left, recorded.right)]
    caller, agent = loud
    assert caller[0] == pytest.approx(BEGINS, abs=0.6)
    assert agent[0] < caller[0]
    assert ((agent > caller[0]) & (agent < caller[0] + 8)).any()
    # the agent's side is what reached the phone: the same sound at the same distance from its first
    onsets = [np.flatnonzero(np.abs(side.astype(int)) > 600) for side in (recorded.right, recorded.wire)]
    assert len(onsets[0]) == pytest.approx(len(onsets[1]), rel=0.05)
    spans = [(found[-1] - found[0]) / 8000 for found in onsets]
    assert spans[0] == pytest.approx(spans[1], abs=0.2)


def test_the_report_carries_a_link_too(recorded: Recorded) -> None:
    frames, _ = fetched(recorded.report["recording_url"])
    assert len(frames) == len(recorded.left)


def test_a_key_leads_there_and_another_tenants_does_not(stage: Stage, recorded: Recorded) -> None:
    path = f"/calls/{recorded.call['id']}/recording"
    answer = stage.api.get(path, follow_redirects=False)
    assert answer.status_code == 302
    assert httpx.get(answer.headers["location"], trust_env=False).status_code == 200
    child = stage.api.post("/organizations", json={"name": "Stranger"}).json()
    url = recorded.call["recording_url"].partition("?")[0]
    strange = httpx.get(url, headers={"Authorization": f"Bearer {child['api_key']}"}, trust_env=False)
    assert (strange.status_code, strange.json()["code"]) == (404, "not_found")
    for wrong in ("", "?t=1.2.3"):
        refused = httpx.get(url + wrong, trust_env=False)
        assert (refused.status_code, refused.json()["error"]) == (401, "Unauthorized")


def test_a_gdpr_call_leaves_no_recording_no_words_and_no_number(stage: Stage, tmp_path: Path) -> None:
    assistant = stage.assistant(name="Private", gdpr_mode=True, recording_enabled=True)
    number = stage.number(assistant=assistant["id"])
    scenario = talk(tmp_path, BEGINS, "hello_hours", PAUSE, seconds=18, we_hang_up=True)
    with calling(stage, scenario, tmp_path, service=number["phone_number"]) as phone:
        phone.process.wait(60)
    report = _report_about(stage, phone.number)
    assert any(m["role"] == "user" for m in report["messages"]), "the report still has the words"
    assert "recording_url" not in report
    call = stage.call(report["call"]["id"])
    assert (call["messages"], call["summary"], call["caller_phone"], call["recording_url"]) == (None,) * 4
    told = json.dumps([stage.get("/calls", limit=100), stage.get("/usage", limit=100)])
    assert phone.number not in told
    logs = "\n".join(path.read_text(errors="replace") for path in stage.home.glob("logs/*") if "sink" not in path.name)
    assert logs, "the platform's processes write logs"
    assert phone.number not in logs
    assert phone.number[1:] not in logs
    deliveries = stage.get("/webhook-deliveries", call_id=call["id"])["webhook_deliveries"]
    assert len(deliveries) == 4
    for delivery in deliveries:
        until(lambda one=delivery: _gone(stage, one["id"]), 10, f"the end of {delivery['event']}")


def _gone(stage: Stage, delivery_id: str) -> bool | None:
    """Whether it can no longer be replayed; a delivery is marked a moment after it was received."""
    answer = stage.api.post(f"/webhook-deliveries/{delivery_id}/replay")
    return True if (answer.status_code, answer.json().get("code")) == (410, "gone") else None


def _report_about(stage: Stage, person: str) -> Json:
    """The report of a call that no other way leads to: its row shows no number."""

    def find() -> Json | None:
        told = (entry["body"]["message"] for entry in stage.received())
        wanted = (m for m in told if m["type"] == "end-of-call-report" and m["customer"]["number"] == person)
        return next(wanted, None)

    return until(find, 60, "the private call's report")
