"""Two sides of a call on one time line."""

import numpy as np

from media.recording.recorder import Recorder
from media.recording.track import Track
from tests.unit.line import RATE, pcm


def constant(value: int, seconds: float) -> bytes:
    return pcm(np.full(round(seconds * RATE), value))


def taken(track: Track, seconds: float) -> np.ndarray:
    return np.frombuffer(track.take(round(seconds * RATE)), "<i2")


class Recording:
    """A recorder with its segments put side by side; fed in steps of ten milliseconds."""

    def __init__(self) -> None:
        self.segments: list[tuple[int, bytes]] = []
        self.recorder = Recorder(RATE, lambda first, data: self.segments.append((first, data)))

    @property
    def heard(self) -> np.ndarray:
        at = 0
        for first, data in self.segments:
            assert first == at, "segments follow each other without a gap"
            at += len(data) // 4
        return np.frombuffer(b"".join(data for _, data in self.segments), "<i2").reshape(-1, 2)


def test_even_packets_are_kept_as_they_come() -> None:
    track = Track(RATE)
    said = np.arange(RATE) % 1000
    for packet in range(50):
        track.add(pcm(said[packet * 160 : packet * 160 + 160]), (packet + 1) * 160)
    assert (taken(track, 1.0) == said).all()


def test_uneven_packets_lose_nothing() -> None:
    track, said, sent = Track(RATE), np.arange(2 * RATE) % 1000, 0
    for late, count in ((0, 1), (2, 3), (1, 2), (0, 1), (2, 3)) * 10:
        sent += count
        track.add(pcm(said[(sent - count) * 160 : sent * 160]), sent * 160 + late * 160)
    assert (taken(track, sent * 0.02) == said[: sent * 160]).all()


def test_lost_packets_become_silence_of_their_length() -> None:
    track = Track(RATE)
    for packet in range(100):
        if not 20 <= packet < 35:
            track.add(constant(7, 0.02), (packet + 1) * 160)
    heard = taken(track, 2.0)
    assert (heard[: 20 * 160] == 7).all()
    assert not heard[20 * 160 : 35 * 160].any()
    assert (heard[35 * 160 :] == 7).all()


def test_a_clock_that_runs_fast_does_not_move_the_side_away() -> None:
    track = Track(RATE)
    # a second of it is 1.001 of ours: after a minute 60 ms too much would have come, after ten 600
    for packet in range(30_000):
        track.add(constant(7, 0.02002), (packet + 1) * 160)
        if packet % 500 == 499:
            track.take((packet + 1) * 160 - RATE)
    assert 0 <= track.end - 30_000 * 160 <= 0.06 * RATE + 1


def test_what_was_given_up_as_silence_is_not_appended_later() -> None:
    track = Track(RATE)
    track.add(constant(1, 1.0), RATE)
    assert not taken(track, 3.0)[RATE:].any()  # two seconds were missing when they were wanted
    track.add(constant(2, 3.0), 4 * RATE)
    rest = taken(track, 4.0)
    assert rest.size == RATE
    assert (rest == 2).all()
    assert track.end - 4 * RATE <= 0.06 * RATE


def test_both_sides_stand_where_they_were_heard() -> None:
    made = Recording()
    made.recorder.begin(100.0)
    for step in range(1, 2501):  # 25 seconds
        now = 100.0 + step / 100
        if 3.0 <= now - 100 < 5.0:
            made.recorder.caller(constant(11, 0.01), now)
        if 7.0 <= now - 100 < 8.0:
            made.recorder.agent(constant(22, 0.01), now)
        made.recorder.tick(now)
    assert [first for first, _ in made.segments] == [0, 80_000], "segments of ten seconds, one second late"
    made.recorder.stop(125.0)
    heard = made.heard
    assert heard.shape == (25 * RATE, 2)
    for side, value, begins, ends in ((0, 11, 3.0, 5.0), (1, 22, 7.0, 8.0)):
        places = np.flatnonzero(heard[:, side] == value)
        assert abs(places[0] / RATE - begins) <= 0.011
        assert abs(places[-1] / RATE - ends) <= 0.011
        assert places.size == (ends - begins) * RATE


def test_nothing_from_before_the_beginning_or_after_the_end_is_kept() -> None:
    made = Recording()
    made.recorder.caller(constant(1, 1.0), 9.0)
    made.recorder.agent(constant(1, 1.0), 9.0)
    made.recorder.begin(10.0)
    made.recorder.caller(constant(2, 0.5), 10.1)  # most of it was said before
    made.recorder.stop(11.0)
    made.recorder.caller(constant(3, 1.0), 12.0)
    made.recorder.tick(60.0)
    made.recorder.stop(61.0)
    heard = made.heard
    assert heard.shape == (RATE, 2)
    assert np.count_nonzero(heard == 2) == 0.1 * RATE
    assert set(np.unique(heard)) == {0, 2}


def test_a_recording_that_never_began_cuts_nothing() -> None:
    made = Recording()
    made.recorder.caller(constant(1, 1.0), 1.0)
    made.recorder.tick(100.0)
    made.recorder.stop(100.0)
    assert made.segments == []
