"""What the platform adds to a turn and to an interruption, on the wire, with stand-in providers.

Overhead of a turn: from the caller's last speech packet (by the recording's known end) to the agent's first audible
packet, minus the bare echo path of the same run, the voice detector's own hang-over on that recording, and the
configured end-pointing wait. The stand-in recogniser's delay passes inside that wait; the stand-in synthesiser's
comes after it and is subtracted.
Barge-in: from the moment the caller has spoken for `interruption_min_duration` (pauses between words do not count, as
in turn-taking) to the agent's last audible packet, minus the echo path.

The peer, stock pipecat over the same SIP library, hears the same recordings and waits as long for the end of a turn and
for an interruption; the same echo path is taken from its figures.
"""

import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.density import PEER, PHONE_MEDIA_PORT, PHONE_PORT, SERVER_PORT, SERVER_RTP_PORTS, serving
from bench.hang_over import hang_over_seconds
from bench.table import Row
from sovereign.catalog.speech import TurnTaking
from tests.e2e import sipp
from tests.e2e.scenarios import caller
from tests.e2e.wire import RtpCapture, RtpStream, ulaw_decode, ulaw_encode

RATE = 8000
AUDIBLE = 1000
"""A 16-bit sample above this is the agent's tone (8000) or speech, not line noise."""
SPEECH_LEVEL = 150
"""Mean level of 20 ms that counts as speech: the committed recordings are silent to the last bit outside it."""
RECORDINGS = ("hello_hours", "price_checkup", "book_tuesday", "price_f", "hello_f", "book_f")
LEAD_SECONDS, PAUSE_SECONDS = 1.5, 3.0
RECOGNITION_SECONDS, SYNTHESIS_SECONDS = 0.1, 0.024
ROUNDS = 3
_TURNS = TurnTaking()


class Conversation:
    """What crossed the wire in one call: the caller's timeline beside the agent's packets."""

    def __init__(self, starts: Sequence[int], names: Sequence[str], caller: RtpStream, agent: RtpStream) -> None:
        self._starts, self.names = starts, names
        self._caller = {(p.sequence - caller.packets[0].sequence) & 0xFFFF: p.seen_at for p in caller.packets}
        self._agent = [(p.seen_at, _peak(p.payload) > AUDIBLE) for p in agent.packets]

    def moment(self, turn: int, sample: int) -> float:
        """When the packet with this sample of a turn's recording passed."""
        return self._caller[(self._starts[turn] + sample) // 160]

    def first_audible(self, after: float) -> float:
        """When the agent is first heard after a moment."""
        return next(at for at, audible in self._agent if audible and at > after)

    def last_audible(self, after: float, before: float) -> float:
        """When the agent was last heard between two moments."""
        return max(at for at, audible in self._agent if audible and after < at < before)


def converse(command: list[str], lead: float, pause: float, seconds_after: float = 4.0) -> Conversation:
    """One call in which the recordings are said one after another, `pause` seconds apart."""
    names = [*RECORDINGS] * ROUNDS
    starts: list[int] = []
    parts: list[float | str] = [lead]
    at = int(lead * RATE)
    for name in names:
        starts.append(at)
        parts += [name, pause]
        at += len(sipp.sample(name)) + int(pause * RATE)
    first, last = map(int, SERVER_RTP_PORTS.split("-"))
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(command),
        RtpCapture(PHONE_MEDIA_PORT) as to_phone,
        RtpCapture(range(first, last)) as to_server,
    ):
        speech = sipp.timeline(Path(folder), *parts)
        phone = sipp.start(
            caller(speech, seconds=at / RATE + seconds_after, we_hang_up=True),
            Path(folder),
            remote=f"127.0.0.1:{SERVER_PORT}",
            service="+31850835037",
            local_port=PHONE_PORT,
            media_port=PHONE_MEDIA_PORT,
        )
        if phone.wait(at / RATE + 30):
            raise RuntimeError(f"the phone failed: {phone.messages()}")
        return Conversation(starts, names, to_server.streams()[0], to_phone.streams()[0])


def speech_bounds(name: str) -> tuple[int, int]:
    """First and last sample of speech in a recording, as it sounds on the wire."""
    loud = _loud_packets(name)
    return int(loud[0]) * 160, int(loud[-1] + 1) * 160 - 1


def spoken_for(name: str, seconds: float) -> int:
    """The sample at which a recording has held this much speech, its pauses not counted."""
    packets = round(seconds * RATE / 160)
    return int(_loud_packets(name)[packets - 1] + 1) * 160 - 1


def _loud_packets(name: str) -> npt.NDArray[np.intp]:
    """The packets of 20 ms that hold speech."""
    pcm = _on_wire(name)
    levels = np.abs(pcm[: len(pcm) // 160 * 160].astype(np.int32)).reshape(-1, 160).mean(axis=1)
    return np.flatnonzero(levels > SPEECH_LEVEL)


def echo_seconds(conversation: Conversation) -> float:
    """Median delay of the bare path: the caller's first audible packet to its echo."""
    delays = []
    for turn, name in enumerate(conversation.names):
        onset = int(np.flatnonzero(np.abs(sipp.sample(name).astype(np.int32)) > AUDIBLE * 1.2)[0])
        sent = conversation.moment(turn, onset)
        delays.append(conversation.first_audible(sent) - sent)
    return statistics.median(delays)


def turn_overheads(conversation: Conversation, echo: float) -> list[float]:
    """Seconds the platform added to each turn."""
    hang_overs = {name: hang_over_seconds(_on_wire(name), speech_bounds(name)[1]) for name in RECORDINGS}
    found = []
    for turn, name in enumerate(conversation.names):
        ended = conversation.moment(turn, speech_bounds(name)[1])
        known = echo + hang_overs[name] + _TURNS.endpointing_min_delay + SYNTHESIS_SECONDS
        found.append(conversation.first_audible(ended) - ended - known)
    return found


def barge_ins(conversation: Conversation, echo: float) -> list[float]:
    """Seconds from an interruption that counts to silence; the first turn interrupts nothing."""
    found = []
    for turn, name in list(enumerate(conversation.names))[1:]:
        onset, end = speech_bounds(name)
        began, ended = conversation.moment(turn, onset), conversation.moment(turn, end)
        counts = conversation.moment(turn, spoken_for(name, _TURNS.interruption_min_duration))
        stopped = conversation.last_audible(began - 1.0, ended + _TURNS.endpointing_min_delay)
        found.append(stopped - counts - echo)
    return found


def run(tell: Callable[[str], None]) -> list[Row]:
    """The rows of this file."""
    os.sched_setaffinity(0, {1})
    try:
        arguments = ["--port", str(SERVER_PORT), "--rtp-ports", SERVER_RTP_PORTS]
        ours = [sys.executable, "-m", "bench.own_media", *arguments]
        ours += ["--recognition", str(RECOGNITION_SECONDS)]
        ours += ["--reply-after", str(RECOGNITION_SECONDS + SYNTHESIS_SECONDS)]
        # its recogniser, too, has its words by the end of the wait
        waits = [
            "--stop-secs",
            str(_TURNS.endpointing_min_delay),
            "--start-secs",
            str(_TURNS.interruption_min_duration),
        ]
        peer = [*PEER, *arguments, *waits, "--reply-after", str(SYNTHESIS_SECONDS)]
        echo = echo_seconds(converse([*ours, "--echo"], LEAD_SECONDS, 1.0, 1.0))
        tell(f"  bare echo path: {echo * 1000:.0f} ms")
        overheads, peers_overheads = (
            _milliseconds(turn_overheads(converse(media, LEAD_SECONDS, PAUSE_SECONDS), echo)) for media in (ours, peer)
        )
        tell(f"  turn overhead of {len(overheads)} turns, ms: {_spread(overheads)}; peer {_spread(peers_overheads)}")
        stops, peers_stops = (
            _milliseconds(barge_ins(converse([*media, "--reply-seconds", "12"], LEAD_SECONDS, 2.0), echo))
            for media in (ours, peer)
        )
        tell(f"  barge-in of {len(stops)} interruptions, ms: {_spread(stops)}; peer {_spread(peers_stops)}")
        return [
            Row("overhead_p50_ms", statistics.median(overheads), statistics.median(peers_overheads)),
            Row("overhead_p95_ms", percentile(overheads, 95), percentile(peers_overheads, 95)),
            Row("barge_in_p95_ms", percentile(stops, 95), percentile(peers_stops, 95)),
        ]
    finally:
        os.sched_setaffinity(0, range(os.cpu_count() or 1))


def percentile(values: Sequence[float], which: int) -> float:
    """A percentile, interpolated."""
    return float(np.percentile(values, which))


def _milliseconds(seconds: Sequence[float]) -> list[float]:
    return [value * 1000 for value in seconds]


def _spread(values: Sequence[float]) -> str:
    ordered = sorted(values)
    assert all(a <= b for a, b in pairwise(ordered))
    return f"{ordered[0]:.0f} … {statistics.median(ordered):.0f} … {ordered[-1]:.0f}"


def _on_wire(name: str) -> npt.NDArray[np.int16]:
    return ulaw_decode(ulaw_encode(sipp.sample(name)))


def _peak(payload: bytes) -> int:
    return int(np.abs(ulaw_decode(payload).astype(np.int32)).max(initial=0))
