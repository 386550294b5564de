"""How regularly RTP comes. A bare sender beside it tells what the machine did meanwhile, to whomever."""

import subprocess
import sys
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

from infra.paths import REPOSITORY
from tests.e2e.wire import RtpCapture, RtpStream

GAP_DEVIATION_LIMIT_MS, GAP_LIMIT_MS = 5.0, 60.0
_MARGIN_SECONDS = 0.02


@dataclass(frozen=True)
class Rhythm:
    """The gaps between packets while the machine disturbed nobody; `disturbed` is the share left out, of all gaps.

    `bare_p99_ms` is the deviation of the bare sender's own gaps, all of them.
    """

    p99_ms: float
    longest_ms: float
    disturbed: float
    bare_p99_ms: float

    def __str__(self) -> str:
        return (
            f"gap deviation p99 {self.p99_ms:.1f} ms, longest gap {self.longest_ms:.0f} ms "
            f"({self.disturbed:.1%} left out: the bare sender, p99 {self.bare_p99_ms:.1f} ms, was late too)"
        )


@contextmanager
def bare_sender(port: int, core: int | None = None) -> Iterator[RtpCapture]:
    """A sender of nothing else, on one core if that is said, and what is seen of it at `port`."""
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    command = [*pinned, sys.executable, "-m", "tests.e2e.bare_sender", str(port)]
    with RtpCapture(port) as seen:
        process = subprocess.Popen(command, cwd=REPOSITORY)
        try:
            yield seen
        finally:
            process.kill()
            process.wait()


def rhythm(streams: Sequence[RtpStream], bare: RtpStream) -> Rhythm:
    """What the streams' gaps were like, those aside in which the bare sender was late itself."""
    late = [
        (one.seen_at - _MARGIN_SECONDS, other.seen_at + _MARGIN_SECONDS)
        for one, other in pairwise(bare.packets)
        if abs((other.seen_at - one.seen_at) * 1000 - 20) > GAP_DEVIATION_LIMIT_MS
    ]
    ends = [until for _, until in late]

    def undisturbed(start: float, end: float) -> bool:
        following = bisect_right(ends, start)
        return following == len(late) or late[following][0] >= end

    gaps = [(one.seen_at, other.seen_at) for stream in streams for one, other in pairwise(stream.packets)]
    kept = sorted((end - start) * 1000 for start, end in gaps if undisturbed(start, end))
    assert kept, "the machine was disturbed all the time"
    return Rhythm(
        p99_ms=_p99([abs(gap - 20) for gap in kept]),
        longest_ms=kept[-1],
        disturbed=1 - len(kept) / len(gaps),
        bare_p99_ms=_p99(bare.gap_deviations_ms()),
    )


def _p99(values: Sequence[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]
