"""A recorded line, and storing what it heard."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from media.background.background_leg import BackgroundLeg
from media.background.bed import Bed
from media.recording import uploads as uploads_module
from media.recording.recorded_leg import RecordedLeg
from media.recording.recorder import Recorder
from media.recording.uploads import SegmentUploads
from media.telephony.leg import CallLeg
from media.telephony.leg_layer import bare
from tests.unit.line import RATE, Line, pcm
from tests.virtual_time import run_virtual


class Storage:
    """Takes segments; `fails` says how many attempts fail first."""

    def __init__(self, fails: int = 0) -> None:
        self.fails = fails
        self.stored: dict[int, bytes] = {}

    def put(self, first_frame: int, data: bytes) -> None:
        if self.fails:
            self.fails -= 1
            raise ConnectionError
        self.stored[first_frame] = data

    @property
    def heard(self) -> np.ndarray:
        whole = b"".join(self.stored[first] for first in sorted(self.stored))
        return np.frombuffer(whole, "<i2").reshape(-1, 2)


def recorded(line: CallLeg, storage: Storage) -> RecordedLeg:
    uploads = SegmentUploads("call-1", storage.put)
    return RecordedLeg(line, Recorder(RATE, uploads.add), uploads)


async def poll(leg: CallLeg, seconds: float, each: Callable[[], object] = lambda: None) -> None:
    for _ in range(round(seconds * 100)):
        await asyncio.sleep(0.01)
        each()
        leg.read()


def run(program: Callable[[Line, RecordedLeg, Storage], Awaitable[None]], storage: Storage | None = None) -> Storage:
    used = storage or Storage()

    async def play() -> None:
        line = Line()
        leg = recorded(line, used)
        leg.begin_recording()
        await program(line, leg, used)
        await leg.hang_up()
        assert line.hung_up

    run_virtual(play())
    return used


def test_the_right_side_is_what_was_played_sample_by_sample() -> None:
    played: list[np.ndarray] = []

    async def program(line: Line, leg: RecordedLeg, _: Storage) -> None:
        await poll(leg, 1.0)
        leg.write(pcm(np.arange(1, 4001)))  # half a second
        await poll(leg, 1.5)
        played.append(line.played)

    heard = run(program).heard[:, 1]
    expected = np.flatnonzero(played[0])
    found = np.flatnonzero(heard)
    assert (heard[found] == played[0][expected]).all()
    assert abs(found[0] - expected[0]) <= 0.02 * RATE


def test_what_a_barge_in_dropped_is_not_on_the_recording() -> None:
    async def program(line: Line, leg: RecordedLeg, _: Storage) -> None:
        leg.write(pcm(np.full(RATE, 5)))
        await poll(leg, 0.4)
        leg.flush()
        await poll(leg, 0.6)
        leg.write(pcm(np.full(800, 6)))
        await poll(leg, 1.0)

    heard = run(program).heard[:, 1]
    assert abs(np.count_nonzero(heard == 5) - 0.4 * RATE) <= 0.011 * RATE
    assert np.count_nonzero(heard == 6) == 800
    assert abs(np.flatnonzero(heard == 6)[0] - RATE) <= 0.02 * RATE


def test_a_buffer_the_stack_lost_was_not_heard() -> None:
    async def program(line: Line, leg: RecordedLeg, _: Storage) -> None:
        leg.write(pcm(np.full(2 * RATE, 5)))
        await poll(leg, 0.5)
        line.lose_buffer()
        await poll(leg, 3.0)

    heard = run(program).heard[:, 1]
    assert np.count_nonzero(heard == 5) <= 0.65 * RATE


def test_the_callers_voice_is_left_and_a_stall_of_the_line_is_silence() -> None:
    async def program(line: Line, leg: RecordedLeg, _: Storage) -> None:
        def speak() -> None:
            line.brings = pcm(np.full(80, 9))

        await poll(leg, 1.0, speak)
        await poll(leg, 2.0)  # on hold
        await poll(leg, 1.0, speak)

    left = run(program).heard[:, 0]
    assert left.size == 4 * RATE
    assert (left[:RATE] == 9).all()
    assert not left[RATE : 3 * RATE].any()
    assert (left[3 * RATE :] == 9).all()


def test_segments_are_stored_while_the_call_runs() -> None:
    async def program(_: Line, leg: RecordedLeg, storage: Storage) -> None:
        await poll(leg, 35.0)
        assert sorted(storage.stored) == [0, 80_000, 160_000]

    assert run(program).heard.shape == (35 * RATE, 2)


def test_handing_over_ends_the_recording_and_gives_the_line_back() -> None:
    async def program(line: Line, leg: RecordedLeg, storage: Storage) -> None:
        await poll(leg, 2.0)
        assert bare(leg) is line
        await poll(leg, 5.0)

    assert run(program).heard.shape == (2 * RATE, 2)


def test_the_background_is_on_the_recording() -> None:
    storage = Storage()

    async def play() -> None:
        line = Line()
        below = recorded(line, storage)
        leg = BackgroundLeg(below, Bed(np.full(100, 10, np.int16), 1.0))
        leg.begin_recording()
        await poll(leg, 1.0)
        leg.write(pcm(np.full(4000, 100)))
        await poll(leg, 1.0)
        await leg.hang_up()

    run_virtual(play())
    heard = storage.heard[:, 1]
    assert np.count_nonzero(heard == 110) == 4000
    assert np.count_nonzero(heard == 10) >= 1.4 * RATE


def test_a_failing_storage_is_tried_again_and_holds_nothing_up() -> None:
    async def program(_: Line, leg: RecordedLeg, storage: Storage) -> None:
        await poll(leg, 30.0)

    assert run(program, Storage(fails=4)).heard.shape == (30 * RATE, 2)


def test_a_segment_that_cannot_be_stored_leaves_the_others_in_their_place() -> None:
    async def program(_: Line, leg: RecordedLeg, storage: Storage) -> None:
        await poll(leg, 45.0)

    stored = run(program, Storage(fails=6)).stored
    assert sorted(stored) == [80_000, 160_000, 240_000, 320_000]


def test_a_dead_storage_keeps_two_minutes_at_most_and_lets_the_call_end() -> None:
    waited: list[float] = []

    async def program(_: Line, leg: RecordedLeg, storage: Storage) -> None:
        await poll(leg, 600.0)
        assert len(leg._uploads._waiting) <= uploads_module.MOST_WAITING
        loop = asyncio.get_running_loop()
        before = loop.time()
        await leg.hang_up()
        waited.append(loop.time() - before)

    def put(first_frame: int, data: bytes) -> None:
        raise ConnectionError

    storage = Storage()
    storage.put = put  # type: ignore[method-assign]
    run(program, storage)
    assert waited[0] <= uploads_module.CLOSE_SECONDS + 0.01


def test_a_line_that_cannot_be_hung_up_does_not_keep_the_uploads_waiting() -> None:
    async def refuse() -> None:
        raise ConnectionError

    async def play() -> None:
        line, storage = Line(), Storage()
        leg = recorded(line, storage)
        leg.begin_recording()
        await poll(leg, 1.0)
        line.hang_up = refuse  # type: ignore[method-assign]
        with pytest.raises(ConnectionError):
            await leg.hang_up()
        assert leg._uploads._task.done()
        assert storage.heard.shape == (RATE, 2)

    run_virtual(play())


def test_hanging_up_twice_is_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    async def program(_: Line, leg: RecordedLeg, storage: Storage) -> None:
        await poll(leg, 1.0)
        await asyncio.gather(leg.hang_up(), leg.hang_up())

    assert run(program).heard.shape == (RATE, 2)


def test_every_method_of_a_line_passes_through() -> None:
    async def play() -> None:
        line = Line()
        leg: CallLeg = recorded(line, Storage())
        assert (leg.id, leg.sample_rate, leg.events) == (line.id, line.sample_rate, line.events)
        calls: list[Coroutine[Any, Any, Any]] = [leg.answer(), leg.reject(), leg.send_dtmf("1"), leg.transfer("sip:x")]
        assert (await asyncio.gather(*calls))[-1] == "succeeded"
        assert leg.stats() == line.stats()
        await leg.hang_up()

    run_virtual(play())
