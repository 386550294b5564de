"""Which calls are recorded, and which have a place in the background."""

from typing import Any
from unittest.mock import Mock

import pytest

from media.background.background_leg import BackgroundLeg
from media.leg_layers import layers_of
from media.recording.recorded_leg import RecordedLeg
from media.running_call import Conversation, Identity
from sovereign.calls.model import CallRef
from sovereign.recordings.layout import SegmentName
from tests.unit.line import Line
from tests.unit.media_process.scripted import assistant

REF = CallRef("org", "call-inbound-x", 1)
OFFICE = {"background_audio": {"enabled": True, "clip": "office", "volume": 0.5}}


def conversation(speech: Any = None, **settings: Any) -> Conversation:
    chosen = assistant(**({"speech_config": speech} if speech else {}))
    for name, value in settings.items():  # members no transient assistant can name
        object.__setattr__(chosen.settings, name, value)
    return Conversation(ref=REF, identity=Identity(direction="inbound"), assistant=chosen)


async def test_recording_goes_to_the_calls_own_segments() -> None:
    recordings = Mock()
    leg = (await layers_of(conversation(recording_enabled=True), recordings)).over(Line())
    assert isinstance(leg, RecordedLeg)
    leg.begin_recording()
    leg._recorder.stop(leg._loop.time() + 1.0)
    await leg.hang_up()
    [stored] = recordings.put_segment.call_args_list
    assert stored.args == (REF, SegmentName(0, 8000), bytes(8000 * 4))


@pytest.mark.parametrize(
    "settings",
    [{"recording_enabled": False}, {"recording_enabled": True, "gdpr_mode": True}],
    ids=["not asked for", "gdpr_mode"],
)
async def test_call_is_not_recorded(settings: Any) -> None:
    line = Line()
    assert (await layers_of(conversation(**settings), Mock())).over(line) is line


async def test_without_a_bucket_nothing_is_recorded() -> None:
    line = Line()
    assert (await layers_of(conversation(recording_enabled=True), None)).over(line) is line


async def test_background_is_there_when_it_is_switched_on() -> None:
    leg = (await layers_of(conversation(OFFICE), None)).over(Line())
    assert isinstance(leg, BackgroundLeg)
    line = Line()
    off = {"background_audio": {"enabled": False, "clip": "office"}}
    assert (await layers_of(conversation(off), None)).over(line) is line


async def test_recording_lies_below_the_background_so_that_it_hears_it() -> None:
    leg = (await layers_of(conversation(OFFICE, recording_enabled=True), Mock())).over(Line())
    assert isinstance(leg, BackgroundLeg)
    assert isinstance(leg._leg, RecordedLeg)
    await leg.hang_up()
