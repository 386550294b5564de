"""Whole calls with a recording and a background: what begins when, and that the conversation does not notice."""

from typing import Any

import numpy as np
import pytest

from media.background.background_leg import BackgroundLeg
from media.background.bed import Bed
from media.conversation.settings import ConversationSettings
from media.recording.recorded_leg import RecordedLeg
from media.recording.recorder import Recorder
from media.recording.uploads import SegmentUploads
from media.telephony.leg import CallLeg, LegDigit
from tests.scenarios.conversation.world import RATE, World, play, says

NOTICE, GREETING = "This call is recorded.", "Hello there."
REPLY = "We are open from nine to five on weekdays and from ten to two on Saturday."


def recorded(world: World) -> np.ndarray:
    """Play with a recording: seconds are rows of its frames."""
    stored: dict[int, bytes] = {}

    def over(leg: CallLeg) -> CallLeg:
        uploads = SegmentUploads("call", lambda first, data: stored.update({first: data}))
        return RecordedLeg(leg, Recorder(RATE, uploads.add), uploads)

    world.over_leg = over
    play(world)
    return np.frombuffer(b"".join(stored[first] for first in sorted(stored)), "<i2").reshape(-1, 2)


def test_recording_of_a_call_has_both_sides_where_they_were_heard() -> None:
    question = says(3.0, "when are you open")
    world = World(
        timeline=[question],
        answers=[REPLY],
        settings=ConversationSettings(first_message=GREETING, recording_without_notice=True),
        hangs_up_at=15.0,
    )
    frames = recorded(world)
    assert len(frames) == pytest.approx(15.0 * RATE, abs=0.05 * RATE)
    caller = np.flatnonzero(frames[:, 0])
    assert caller[0] / RATE == pytest.approx(question.at, abs=0.05)
    assert caller[-1] / RATE == pytest.approx(question.end, abs=0.05)
    for sentence in (GREETING, REPLY):
        spoken = np.flatnonzero(frames[:, 1] == world.synthesiser.numbers[sentence])
        assert spoken[0] / RATE == pytest.approx(world.starts(sentence), abs=0.05)
        assert spoken.size == int(len(sentence) * 0.05 * RATE), "every sample, once"


@pytest.mark.parametrize("fails", [False, True])
def test_end_of_a_call_tells_whether_pieces_of_its_recording_are_late(fails: bool) -> None:
    def put(_first_frame: int, _pcm: bytes) -> None:
        if fails:
            raise ConnectionError

    def over(leg: CallLeg) -> CallLeg:
        uploads = SegmentUploads("call", put)
        behind = RecordedLeg(leg, Recorder(RATE, uploads.add), uploads)
        return BackgroundLeg(behind, Bed(np.full(RATE, 1000, np.int16), 1.0))

    settings = ConversationSettings(first_message=GREETING, recording_without_notice=True)
    world = World(settings=settings, hangs_up_at=5.0)
    world.over_leg = over
    play(world)
    assert world.outcome is not None
    assert world.outcome.recording_late is fails


def test_consent_is_given_before_anything_is_recorded() -> None:
    settings = ConversationSettings(
        consent="Press one to agree.", first_message=GREETING, recording_without_notice=True
    )
    timeline = [says(1.0, "my name is Johnson and this is nobody's business", 1.5), says(9.0, "what do you cost")]
    world = World(
        timeline=timeline, answers=["Nothing."], settings=settings, events=[(6.0, LegDigit("1"))], hangs_up_at=14.0
    )
    frames = recorded(world)
    assert len(frames) == pytest.approx(8.0 * RATE, abs=0.1 * RATE)
    assert set(np.unique(frames[:, 0])) == {0, 101}, "the second thing the caller said, not the first"
    assert world.synthesiser.numbers["Press one to agree."] not in frames[:, 1]


@pytest.mark.parametrize("events", [(), ((6.0, LegDigit("2")),)])
def test_without_consent_nothing_is_recorded(events: Any) -> None:
    settings = ConversationSettings(
        consent="Press one to agree.", first_message=GREETING, recording_without_notice=True
    )
    assert recorded(World(settings=settings, events=events, hangs_up_at=60.0)).size == 0


def test_outbound_recording_begins_after_its_notice_was_spoken() -> None:
    settings = ConversationSettings(recording_notice=NOTICE, first_message=GREETING)
    world = World(timeline=[says(0.2, "hello")], answers=[REPLY], settings=settings, hangs_up_at=10.0)
    frames = recorded(world)
    assert world.synthesiser.numbers[NOTICE] not in frames[:, 1]
    assert world.synthesiser.numbers[GREETING] in frames[:, 1]
    assert set(np.unique(frames[:, 0])) == {0}


def test_outbound_call_without_a_notice_is_not_recorded() -> None:
    settings = ConversationSettings(first_message=GREETING)
    assert recorded(World(timeline=[says(3.0, "hello")], settings=settings, hangs_up_at=10.0)).size == 0


@pytest.mark.parametrize("after", [0.5, 1.7, 2.9])
def test_interruption_over_a_background_is_as_quick_and_keeps_the_same_words(after: float) -> None:
    def call() -> World:
        at = round(2.82 + after, 2)
        timeline = [says(1.0, "when are you open"), says(at, "no I mean on Sunday please")]
        return World(timeline=timeline, answers=[REPLY, "Next answer."])

    quiet, behind = play(call()), call()
    behind.over_leg = lambda leg: BackgroundLeg(leg, Bed(np.full(RATE, 1000, np.int16), 1.0))
    play(behind)
    assert behind.said() == quiet.said()
    reply = behind.synthesiser.numbers[REPLY]
    began = behind.log.first(f"agent speaks {1000 + reply}")
    stopped = next(at for at, what in behind.log.lines if what == "agent speaks 1000" and at > began)
    assert began == pytest.approx(quiet.starts(REPLY), abs=0.011)
    assert stopped == pytest.approx(
        next(at for at, what in quiet.log.lines if what == "agent silent" and at > quiet.starts(REPLY)), abs=0.011
    )
