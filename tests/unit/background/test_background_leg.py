"""The bed behind the agent: always there, never counted, never in the way."""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np

from media.background.background_leg import AHEAD_SECONDS, BackgroundLeg
from media.background.bed import Bed
from media.telephony.leg_layer import bare
from tests.unit.line import RATE, Line, pcm
from tests.virtual_time import run_virtual

LOOP = np.arange(1, 5001, dtype=np.int16)
"""Each sample tells its place in the loop; speech is 10,000 and more."""


def run(program: Callable[[Line, BackgroundLeg], Awaitable[None]]) -> np.ndarray:
    """What was played on a line with a bed."""
    played: list[np.ndarray] = []

    async def play() -> None:
        line = Line()
        await program(line, BackgroundLeg(line, Bed(LOOP, 1.0)))
        played.append(line.played)

    run_virtual(play())
    return played[0]


async def poll(leg: BackgroundLeg, seconds: float) -> None:
    for _ in range(round(seconds * 100)):
        await asyncio.sleep(0.01)
        leg.read()


def places(played: np.ndarray) -> np.ndarray:
    """Where in the loop each sample was, from the first on."""
    below = np.where(played >= 10_000, played - 10_000, played)
    return below[np.flatnonzero(below)[0] :]


def test_bed_goes_on_without_a_gap_or_a_jump_whatever_is_said() -> None:
    async def program(_: Line, leg: BackgroundLeg) -> None:
        await poll(leg, 1.0)
        for _ in range(3):
            leg.write(pcm(np.full(3000, 10_000)))
            await poll(leg, 0.2)
            leg.write(pcm(np.full(1000, 10_000)))
            await poll(leg, 1.0)

    played = run(program)
    steps = np.diff(places(played))
    assert set(np.unique(steps)) <= {1, 1 - LOOP.size}
    assert np.count_nonzero(played >= 10_000) == 3 * 4000


def test_speech_is_heard_at_once_although_bed_was_queued_before_it() -> None:
    began: list[int] = []

    async def program(line: Line, leg: BackgroundLeg) -> None:
        await poll(leg, 1.0)
        assert line.queued_bytes > 0
        began.append(line.played.size)
        leg.write(pcm(np.full(800, 10_000)))
        await poll(leg, 0.5)

    played = run(program)
    assert np.flatnonzero(played >= 10_000)[0] == began[0]


def test_only_speech_is_counted() -> None:
    async def program(line: Line, leg: BackgroundLeg) -> None:
        await poll(leg, 1.0)
        assert leg.queued_bytes == 0
        assert leg.write(pcm(np.full(2400, 10_000))) == 4800
        assert leg.queued_bytes == 4800
        await poll(leg, 0.1)
        assert leg.queued_bytes == 4800 - 1600
        await poll(leg, 0.2)
        assert leg.queued_bytes == 0

    run(program)


def test_barge_in_stops_speech_at_once_and_the_bed_never() -> None:
    stopped: list[int] = []

    async def program(line: Line, leg: BackgroundLeg) -> None:
        await poll(leg, 0.5)
        leg.write(pcm(np.full(2400, 10_000)))
        await poll(leg, 0.1)
        stopped.append(line.played.size)
        assert leg.flush() == 4800 - 1600
        assert leg.queued_bytes == 0
        await poll(leg, 0.5)

    played = run(program)
    assert np.count_nonzero(played >= 10_000) == 800
    assert (played[stopped[0] :] < 10_000).all()
    assert (played[stopped[0] :] > 0).all(), "no sample of silence after the flush"
    assert set(np.unique(np.diff(places(played)))) <= {1, 1 - LOOP.size}


def test_speech_that_comes_late_joins_what_is_still_queued_of_it() -> None:
    async def program(_: Line, leg: BackgroundLeg) -> None:
        await poll(leg, 0.5)
        leg.write(pcm(np.full(800, 11_000)))
        await poll(leg, 0.08)  # nearly played out: the bed has begun to be queued behind it
        leg.write(pcm(np.full(800, 20_000)))
        await poll(leg, 0.5)

    played = run(program)
    speech = played[played >= 10_000]
    assert speech.size == 1600
    voiced = np.flatnonzero(played >= 10_000)
    assert voiced[-1] - voiced[0] == 1599, "nothing in between"


def test_a_full_buffer_takes_what_it_can_and_says_so() -> None:
    async def program(line: Line, leg: BackgroundLeg) -> None:
        await poll(leg, 0.5)
        taken = leg.write(pcm(np.full(5 * RATE, 10_000)))
        assert taken == 4 * RATE == leg.queued_bytes

    run(program)


def test_loud_speech_is_clipped_not_wrapped() -> None:
    mixed = np.frombuffer(Bed(LOOP, 1.0).under(pcm([32_000, -32_000, 32_767])), "<i2")
    assert mixed.tolist() == [32_001, -31_998, 32_767]


def test_volume_is_a_factor() -> None:
    assert np.frombuffer(Bed(LOOP * 2, 0.3).alone(6), "<i2").tolist() == [1, 1, 2]


def test_after_handing_over_there_is_silence() -> None:
    async def program(line: Line, leg: BackgroundLeg) -> None:
        await poll(leg, 0.5)
        assert bare(leg) is line
        assert line.queued_bytes == 0
        await poll(leg, 0.5)

    played = run(program)
    assert not played[int(0.5 * RATE) + 1 :].any()


def test_bed_ahead_survives_a_late_poll() -> None:
    async def program(_: Line, leg: BackgroundLeg) -> None:
        for _ in range(20):
            await asyncio.sleep(AHEAD_SECONDS)
            leg.read()

    played = run(program)
    assert (played[np.flatnonzero(played)[0] :] > 0).all()
