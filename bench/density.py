"""How many calls one core holds, ours beside stock pipecat's: same SIP library, phones, speech and stand-in delays.

The server is pinned to core 0, phones and capture to core 1. A number of calls is held when, over the measuring time,
the event loop's lateness stays at or under 10 ms (p99), the RTP gap deviation at or under
5 ms (p99) and no gap between two packets exceeds 60 ms.
"""

import contextlib
import json
import os
import queue
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.table import Row
from tests.e2e import sipp
from tests.e2e.rhythm import GAP_DEVIATION_LIMIT_MS, GAP_LIMIT_MS
from tests.e2e.scenarios import caller
from tests.e2e.wire import RtpCapture, RtpStream

ROOT = Path(__file__).parents[1]
PEER_PYTHON = ROOT / ".sovereign/venvs/bench-peer/bin/python"
PEER = [str(PEER_PYTHON), str(ROOT / "bench/peer_pipecat.py")]
SERVER_PORT, PHONE_PORT, PHONE_MEDIA_PORT = 25060, 25070, 26000
SERVER_RTP_PORTS = "27000-29900"
REPLY_AFTER_SECONDS = 0.324
"""Stand-in recogniser (300 ms) and synthesiser (24 ms), the local models' own figures."""
LAG_LIMIT_MS = 10.0
_ARGUMENTS = ["--port", str(SERVER_PORT), "--rtp-ports", SERVER_RTP_PORTS, "--reply-after", str(REPLY_AFTER_SECONDS)]
OURS = [sys.executable, "-m", "bench.own_media", *_ARGUMENTS]
CALLS_PER_SECOND = 10
MEASURED_SECONDS = 14


@dataclass(frozen=True)
class Held:
    """What was seen with so many calls up."""

    calls: int
    lag_p99_ms: float
    gap_deviation_p99_ms: float
    longest_gap_ms: float
    cpu_pct: float
    rss_mb: float
    turns: int

    def __str__(self) -> str:
        return (
            f"{self.calls} calls: lag p99 {self.lag_p99_ms:.1f} ms, "
            f"gap deviation p99 {self.gap_deviation_p99_ms:.1f} ms, longest gap {self.longest_gap_ms:.0f} ms, "
            f"{self.cpu_pct:.0f} % of the core, {self.turns} turns"
        )

    @property
    def within(self) -> bool:
        """Whether this many calls were held."""
        return (
            self.lag_p99_ms <= LAG_LIMIT_MS
            and self.gap_deviation_p99_ms <= GAP_DEVIATION_LIMIT_MS
            and self.longest_gap_ms <= GAP_LIMIT_MS
            and self.turns > 0
        )


class Server:
    """A media server process on core 0 that prints a JSON line of figures every two seconds."""

    def __init__(self, command: list[str]) -> None:
        self._lines: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.process = subprocess.Popen(
            ["taskset", "-c", "0", *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT
        )
        threading.Thread(target=self._read, daemon=True).start()
        self._lines.get(timeout=60)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with contextlib.suppress(ValueError):
                self._lines.put(json.loads(line))

    def reports(self, since: float, until: float) -> list[dict[str, Any]]:
        """The figures whose two seconds lie wholly between the two moments."""
        kept = []
        while not self._lines.empty():
            figures = self._lines.get()
            if since + 2 <= figures.get("at", 0) <= until:
                kept.append(figures)
        return kept

    def stop(self) -> None:
        """End the process."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def serving(command: list[str]) -> Iterator[Server]:
    """A server for as long as the block runs."""
    server = Server(command)
    try:
        yield server
    finally:
        server.stop()


@dataclass(frozen=True)
class Measured:
    """What crossed the wire to the phones between two moments (Unix time), and the server's figures of that time."""

    since: float
    until: float
    streams: list[RtpStream]
    reports: list[dict[str, Any]]


def measure(server: Server, calls: int, measured_seconds: float = MEASURED_SECONDS) -> Measured:
    """Place `calls` calls of real speech, look while all are up, end them."""
    ramp = calls / CALLS_PER_SECOND
    seconds = ramp + measured_seconds + 3
    with tempfile.TemporaryDirectory() as name, RtpCapture(range(PHONE_MEDIA_PORT, PHONE_MEDIA_PORT + 800)) as capture:
        folder = Path(name)
        said: list[float | str] = ["hello_hours", 2.2, "price_checkup", 2.2]
        speech = sipp.timeline(folder, *said * 4)
        phones = sipp.start(
            caller(speech, seconds=seconds, we_hang_up=True),
            folder,
            local_port=PHONE_PORT,
            media_port=PHONE_MEDIA_PORT,
            remote=f"127.0.0.1:{SERVER_PORT}",
            service="+31850835037",
            calls=calls,
            rate=CALLS_PER_SECOND,
        )
        time.sleep(ramp + 2)
        since = time.time()
        time.sleep(measured_seconds)
        until = time.time()
        phones.wait(seconds + 30)
        streams = [s for s in capture.streams() if s.packets[0].seen_at < since and s.packets[-1].seen_at > until - 1]
    return Measured(since, until, [s.within(since, until) for s in streams], server.reports(since, until))


def hold(server: Server, calls: int) -> Held:
    """Place `calls` calls and say what was seen."""
    seen = measure(server, calls)
    streams, reports = seen.streams, seen.reports
    late = sorted(wait for report in reports for wait in report["late_ms"])
    deviations = sorted(d for stream in streams for d in stream.gap_deviations_ms())
    if len(streams) < calls or not late or not deviations:
        return Held(calls, 1e4, 1e4, 1e4, 0, 0, 0)
    return Held(
        calls,
        lag_p99_ms=late[int(len(late) * 0.99)],
        gap_deviation_p99_ms=deviations[int(len(deviations) * 0.99)],
        longest_gap_ms=max(stream.longest_gap_ms() for stream in streams),
        cpu_pct=statistics.mean(r["cpu_pct"] for r in reports),
        rss_mb=max(r["rss_mb"] for r in reports),
        turns=int(reports[-1]["turns"]),
    )


def most_held(command: list[str], first: int, step: int, most: int, tell: Callable[[str], None]) -> int:
    """The largest number of calls held, looking up from `first` (or down, when that is already too many)."""
    held = 0
    calls, direction = first, 0
    while step <= calls <= most:
        with serving(command) as server:
            seen = hold(server, calls)
            if not seen.within:  # the machine is shared: one hiccup is not the limit
                seen = hold(server, calls)
        tell(f"  {seen}")
        if seen.within:
            held = max(held, calls)
        if direction == 0:
            direction = 1 if seen.within else -1
        elif seen.within != (direction == 1):
            break
        calls += direction * step
    return held


def memory_per_call(command: list[str], calls: int = 20) -> float:
    """Resident megabytes a call adds, with `calls` up, above the same server idle and warmed by one call."""
    with serving(command) as server:
        idle = hold(server, 1).rss_mb
        return max(0.0, hold(server, calls).rss_mb - idle) / calls


def run(tell: Callable[[str], None]) -> list[Row]:
    """The rows of this file; none when sipp or the peer's environment is missing."""
    peer = [*PEER, *_ARGUMENTS]
    os.sched_setaffinity(0, {1})
    try:
        tell("calls on one core, stock pipecat:")
        peers = most_held(peer, 12, 3, 45, tell)
        tell("calls on one core, Sovereign:")
        held = most_held(OURS, 40, 8, 88, tell)
        return [
            Row("calls_per_core", held, peers),
            Row("calls_per_core_over_peer", held / max(1, peers)),
            Row("memory_per_call_mb", memory_per_call(OURS), memory_per_call(peer, max(1, peers))),
        ]
    finally:
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
