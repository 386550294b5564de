"""One very long call, in which nothing may add up: memory, the wire's rhythm and clock, recording, transcript."""

import io
import threading
import wave
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt

from tests.conftest import free_media_port
from tests.e2e import likeness
from tests.e2e.phones import calling, talk
from tests.e2e.platform_process import process_id
from tests.e2e.rhythm import GAP_DEVIATION_LIMIT_MS, GAP_LIMIT_MS, bare_sender, rhythm
from tests.e2e.sipp import RATE, sample
from tests.e2e.stage import Json, Stage
from tests.e2e.wire import RtpCapture, RtpStream
from tests.media.speech.hearing import recordings, was_said, word_errors

SECONDS = 1800
QUESTIONS = {"hello_hours": "nine to one", "price_checkup": "forty five euro"}
"""What is asked in turn, and what is in the answer."""
_FIRST_AFTER, _PAUSE, _TAIL = 7.0, 9.5, 10.0
GROWTH_LIMIT_MB = 30.0
"""Of the media node, from its first minutes in the call to the end of half an hour."""
DRIFT_LIMIT_MS = 60.0
"""Three packets: neither the wire's clock nor the recording's may run away from real time."""
ANSWERS_LIMIT = 0.97
WORD_ERROR_LIMIT = 0.15
_PAGE_BYTES = 4096


@dataclass
class _Memory:
    """Megabytes of a process and its children, each second."""

    samples: list[float] = field(default_factory=list)

    @property
    def growth_mb(self) -> float:
        """The median of the last tenth above that of the second: the first warms up."""
        tenth = max(1, len(self.samples) // 10)
        return median(self.samples[-tenth:]) - median(self.samples[tenth : 2 * tenth])


@contextmanager
def _watched_memory(pid: int) -> Iterator[_Memory]:
    memory, over = _Memory(), threading.Event()

    def watch() -> None:
        while not over.wait(1.0):
            with suppress(OSError):  # a process that ended while it was looked at
                memory.samples.append(_resident_mb(pid))

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield memory
    finally:
        over.set()
        watching.join()


def _resident_mb(pid: int) -> float:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    own = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES / 2**20
    return own + sum(_resident_mb(int(child)) for child in children)


@dataclass(frozen=True)
class _Held:
    """The call after its report, and what crossed the wire."""

    questions: list[str]
    call: Json
    report: Json
    heard: RtpStream
    said: RtpStream
    bare: RtpStream
    memory: _Memory


def run(stage: Stage, folder: Path, seconds: int = SECONDS) -> dict[str, Any]:
    """Ask for so long, then look at everything. Raises AssertionError for what is not as it should be."""
    held = _hold(stage, folder, seconds)
    figures = {
        "duration_s": held.call["duration_seconds"],
        "memory_growth_mb": round(held.memory.growth_mb, 1),
        **_wire(held),
        **_recording(held),
        **_transcript(held),
    }
    assert held.memory.growth_mb <= GROWTH_LIMIT_MB, figures
    return figures


def _hold(stage: Stage, folder: Path, seconds: int) -> _Held:
    names = list(QUESTIONS)
    questions: list[str] = []
    said: list[float | str] = [_FIRST_AFTER]
    length = _FIRST_AFTER
    while length < seconds - _TAIL - 5:
        name = names[len(questions) % len(names)]
        questions.append(name)
        said += [name, _PAUSE]
        length += len(sample(name)) / RATE + _PAUSE
    assistant = stage.assistant(max_duration_seconds=seconds + 120)
    number = stage.number(assistant=assistant["id"])["phone_number"]
    scenario = talk(folder, *said, seconds=length, we_hang_up=True)
    first, last = map(int, stage.environment["SOVEREIGN_RTP_PORTS"].split("-"))
    patience = int(length) + 120
    with (
        bare_sender(free_media_port()) as beside,
        RtpCapture(range(first, last + 1)) as line,
        _watched_memory(process_id(stage, "media")) as memory,
        calling(stage, scenario, folder, service=number, timeout=patience) as phone,
    ):
        verdict = phone.process.wait(patience)
        heard, spoken, [bare] = phone.heard(), line.streams()[0], beside.streams()
    assert verdict == 0, phone.process.messages()
    call = stage.over(stage.call_of(phone.number)["id"], seconds=60)
    report = stage.report(call["id"], seconds=300)["body"]["message"]
    call = stage.call(call["id"])
    assert (call["status"], call["end_reason"], call["error"]) == ("ended", "user_hangup", None), call["end_reason"]
    return _Held(questions, call, report, heard, spoken, bare, memory)


def _wire(held: _Held) -> dict[str, Any]:
    """Every packet came, in rhythm beside a sender that does nothing else, and the stream's clock kept real time."""
    packets = held.heard.packets
    missing = sum((later.sequence - earlier.sequence - 1) & 0xFFFF for earlier, later in pairwise(packets))
    since, until = packets[0].seen_at, packets[-1].seen_at
    kept = rhythm([held.heard], held.bare.within(since, until))
    drift = _clock_ahead_ms(held.heard)
    figures = {
        "packets_missing": missing,
        "gap_deviation_p99_ms": round(kept.p99_ms, 1),
        "longest_gap_ms": round(kept.longest_ms),
        "left_out": round(kept.disturbed, 4),
        "clock_drift_ms": round(drift, 1),
    }
    assert missing == 0, figures
    assert kept.disturbed < 0.5, figures
    assert kept.p99_ms <= GAP_DEVIATION_LIMIT_MS, figures
    assert kept.longest_ms <= GAP_LIMIT_MS, figures
    assert abs(drift) <= DRIFT_LIMIT_MS, figures
    return figures


def _clock_ahead_ms(stream: RtpStream) -> float:
    """How far the timestamps got ahead of real time from the stream's first packets to its last."""
    ahead = [
        ((packet.timestamp - stream.packets[0].timestamp) & 0xFFFFFFFF) / RATE - packet.seen_at
        for packet in stream.packets
        if packet.payload_type == 0
    ]
    return (median(ahead[-50:]) - median(ahead[:50])) * 1000


def _recording(held: _Held) -> dict[str, Any]:
    """As long as the call, and both sides where they were on the wire, at the end as at the beginning."""
    answer = httpx.get(held.call["recording_url"], follow_redirects=True, timeout=120, trust_env=False)
    assert answer.status_code == 200, answer.text[:500]
    with wave.open(io.BytesIO(answer.content)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, RATE)
        sides = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    seconds = len(sides) / RATE
    caller = _drift_ms(held.said.pcm(), sides[:, 0])
    agent = _drift_ms(held.heard.pcm(), sides[:, 1])
    figures = {"recording_s": round(seconds, 1), "caller_drift_ms": round(caller, 1), "agent_drift_ms": round(agent, 1)}
    assert abs(seconds - held.call["duration_seconds"]) <= 1.5, figures
    assert abs(caller) <= DRIFT_LIMIT_MS, figures
    assert abs(agent) <= DRIFT_LIMIT_MS, figures
    return figures


def _drift_ms(wire: npt.NDArray[np.int16], recorded: npt.NDArray[np.int16]) -> float:
    """How much later the last sounds lie in the recording than the first, against the wire."""
    loud = np.flatnonzero(np.abs(wire.astype(np.int32)) > 1000)
    offsets = []
    for place in (loud[0], loud[-1] - 2 * RATE):
        start = max(0, int(place))
        window = max(0, start - 5 * RATE)
        found = likeness.find(wire[start : start + 2 * RATE], recorded[window : start + 8 * RATE])
        offsets.append(window + found.at - start)
    return (offsets[1] - offsets[0]) * 1000 / RATE


def _transcript(held: _Held) -> dict[str, Any]:
    """All that was asked is in it, and the answers are the right ones to the end, as quick as in the beginning."""
    messages = held.call["messages"]
    assert held.report["messages"] == messages
    heard = " ".join(message["content"] for message in messages if message["role"] == "user")
    wrong, words = word_errors(" ".join(recordings()[name].text for name in held.questions), heard)
    answered = _right_answers(messages)
    delays = [turn["first_packet_ms"] for turn in held.call["latency"]["turns"]]
    quarter = max(1, len(delays) // 4)
    figures = {
        "questions": len(held.questions),
        "answered": answered,
        "word_errors": round(wrong / words, 3),
        "first_packet_p50_ms": [round(median(delays[:quarter])), round(median(delays[-quarter:]))],
    }
    assert answered >= ANSWERS_LIMIT * len(held.questions), figures
    assert wrong / words <= WORD_ERROR_LIMIT, figures
    assert median(delays[-quarter:]) <= 1.5 * median(delays[:quarter]) + 200, figures
    return figures


def _right_answers(messages: list[Json]) -> int:
    """Answers of the assistant, after its greeting, that hold what was asked for."""
    answers = [message["content"] for message in messages if message["role"] == "assistant"]
    return sum(any(was_said(words, answer) for words in QUESTIONS.values()) for answer in answers)
