"""Debian's baresip calls over TCP."""

from pathlib import Path

from tests.e2e import baresip_phone
from tests.e2e.ears import transcribe
from tests.e2e.phones import SEEDED_NUMBER
from tests.e2e.stage import Stage, check_ended, new_caller
from tests.media.speech.hearing import was_said


def test_a_second_phone_over_tcp_asks_and_hears_the_right_answer(stage: Stage, tmp_path: Path) -> None:
    caller = new_caller()
    target = f"sip:{SEEDED_NUMBER}@{stage.sip}"
    heard = transcribe(baresip_phone.call(tmp_path, target, caller, 7.0, "price_checkup", seconds=20))
    assert was_said("riverside dental", heard), heard
    assert was_said("forty five euro", heard), heard
    check_ended(stage, stage.call_of(caller)["id"], "ended", "user_hangup")
