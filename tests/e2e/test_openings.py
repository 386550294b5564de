"""What surrounds the talk, on real phone calls: consent by key, answering machines, and asking not to be called."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.e2e import scenarios, sipp
from tests.e2e.ears import RATE, transcribe, utterances
from tests.e2e.outbound_line import DESTINATION, Line
from tests.e2e.phones import Phone, calling
from tests.e2e.stage import Json, Stage, check_ended
from tests.media.speech.hearing import find_said, was_said

QUESTION = "This call is recorded. Press one to agree, or two to end the call."
GREETING = "Hello, how can I help you today?"
VOICEMAIL = "Please call Riverside Dental back tomorrow."
BEEP_AT = 0.3 + 7.04 + 0.8
"""Where the beep begins in what the machine plays: after the recording of a greeting."""


def tones(seconds: float, *hertz: float) -> npt.NDArray[np.int16]:
    moments = np.arange(int(seconds * RATE)) / RATE
    return sum(4000 * np.sin(2 * np.pi * tone * moments) for tone in hertz).astype(np.int16)  # type: ignore[union-attr]


ONE, TWO, BEEP = tones(0.15, 697, 1209), tones(0.15, 697, 1336), tones(0.5, 1000)


def asking(stage: Stage) -> Json:
    """An assistant that asks for consent."""
    consent = {"enabled": True, "message": QUESTION}
    return stage.assistant(name="Asks", recording_consent=consent, ai_disclosure=None, first_message=GREETING)


def without_telephone_events(scenario: str) -> str:
    """The same phone on a line that does not offer them."""
    kept = [line for line in scenario.splitlines() if "101" not in line or "RTP/AVP" in line]
    return "\n".join(kept).replace("RTP/AVP 0 101", "RTP/AVP 0")


def heard(phone: Phone) -> str:
    return transcribe(phone.audio())


def test_consent_is_given_by_a_key_in_the_audio_and_nothing_before_it_is_heard(stage: Stage, tmp_path: Path) -> None:
    number = stage.number(assistant=asking(stage)["id"])
    audio = sipp.timeline(tmp_path, 2.0, "hello_hours", 1.2, ONE, 4.0, "price_checkup")
    scenario = without_telephone_events(scenarios.caller(audio, seconds=22, we_hang_up=True))
    with calling(stage, scenario, tmp_path, service=number["phone_number"]) as phone:
        assert phone.process.wait(40) == 0
        words = heard(phone)
    call = check_ended(stage, stage.call_of(phone.number)["id"], "ended", "user_hangup")
    asked, greeted = find_said("press one to agree", words), find_said("how can i help", words)
    assert asked, words
    assert greeted, words
    assert asked < greeted
    said = [(m["role"], m["content"].lower()) for m in call["messages"]]
    assert [text for role, text in said if role == "user" and "hours" in text] == []
    assert [text for role, text in said if role == "user" and "cost" in text], said
    assert (said[0][1], said[1][1]) == (QUESTION.lower(), GREETING.lower())


def test_two_by_sip_info_ends_the_call(stage: Stage, tmp_path: Path) -> None:
    number = stage.number(assistant=asking(stage)["id"])
    scenario = scenarios.caller_presses(sipp.timeline(tmp_path), "2", after=7.0, seconds=10)
    with calling(stage, scenario, tmp_path, service=number["phone_number"]) as phone:
        assert phone.process.wait(30) == 0, phone.process.messages()
    check_ended(stage, stage.call_of(phone.number)["id"], "ended", "consent_declined")


def outbound(stage: Stage, **changes: object) -> str:
    members = {"voicemail_detection": True, "voicemail_message": VOICEMAIL, "ai_disclosure": None} | changes
    made: str = stage.assistant(name="Calls", first_message=GREETING, **members)["id"]
    return made


def test_a_machine_gets_the_message_after_its_beep(stage: Stage, line: Line, tmp_path: Path) -> None:
    audio = sipp.timeline(tmp_path, 0.3, "voicemail_en", 0.8, BEEP)
    with line.phone(scenarios.callee(audio, ring_seconds=0.3, seconds=40, we_hang_up=False), tmp_path) as phone:
        call_id = line.dial(assistant_id=outbound(stage))
        assert phone.process.wait(60) == 0, phone.process.messages()
        pcm = phone.audio()
    call = check_ended(stage, call_id, "ended", "voicemail")
    assert call["messages"][-1] == {"role": "assistant", "content": VOICEMAIL}
    message = utterances(pcm)[-1]
    assert was_said("call riverside dental back", transcribe(message))
    begins = (len(pcm) - len(message)) / RATE
    assert begins > BEEP_AT, "spoken into the greeting"


def test_a_machine_without_a_message_is_hung_up_on_before_it_has_finished(
    stage: Stage, line: Line, tmp_path: Path
) -> None:
    audio = sipp.timeline(tmp_path, 0.3, "voicemail_en", 0.8, BEEP)
    with line.phone(scenarios.callee(audio, ring_seconds=0.3, seconds=40, we_hang_up=False), tmp_path) as phone:
        call_id = line.dial(assistant_id=outbound(stage, voicemail_message=None))
        assert phone.process.wait(60) == 0, phone.process.messages()
    call = check_ended(stage, call_id, "ended", "voicemail")
    assert call["duration_seconds"] <= BEEP_AT


def test_a_person_who_answers_is_greeted_and_can_opt_out(stage: Stage, line: Line, tmp_path: Path) -> None:
    audio = sipp.timeline(tmp_path, 0.5, "human_answer", 4.5, "stop_calling")
    with line.phone(scenarios.callee(audio, ring_seconds=0.3, seconds=40, we_hang_up=False), tmp_path) as phone:
        call_id = line.dial(assistant_id=outbound(stage))
        assert phone.process.wait(60) == 0, phone.process.messages()
        words = heard(phone)
    call = check_ended(stage, call_id, "ended", "opt_out")
    # who is first depends on how long it took to be sure of a person: they answered, and were greeted
    assert {m["role"] for m in call["messages"][:2]} == {"user", "assistant"}
    greeted, confirmed = find_said("how can i help", words), find_said("do not call list", words)
    assert greeted, words
    assert confirmed, words
    assert greeted < confirmed
    try:
        listed = stage.get("/do-not-call", limit=1000)
        assert DESTINATION in {entry["phone_number"] for entry in listed["entries"]}
        again = stage.api.post("/calls/outbound", json=line.order())
        assert (again.status_code, again.json()["code"]) == (400, "destination_not_allowed")
    finally:
        assert stage.api.delete(f"/do-not-call/{DESTINATION}").status_code == 200
