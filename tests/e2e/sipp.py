"""sipp as the phone we did not write: its process, the audio it plays, and its verdict."""

import os
import subprocess
import time
import wave
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.e2e.wire import ulaw_encode

SAMPLES = Path(__file__).parents[1] / "samples" / "caller"
RATE = 8000


@dataclass
class Sipp:
    """A running sipp; `wait` gives its verdict."""

    process: subprocess.Popen[bytes]
    log: Path

    def wait(self, seconds: float) -> int:
        """The exit status: 0 when every step of the scenario happened."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"sipp did not end in {seconds} s: {self.messages()}") from None

    def stop(self) -> None:
        """End it if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def messages(self) -> str:
        """The SIP messages of the call, for a failing assertion."""
        return self.all_messages()[-6000:]

    def all_messages(self) -> str:
        """The SIP messages of the call so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""


def start(
    scenario: str,
    folder: Path,
    *,
    local_port: int,
    media_port: int,
    remote: str | None = None,
    service: str = "phone",
    caller: str = "+31612345678",
    transport: str = "u1",
    calls: int = 1,
    rate: int = 1,
    timeout: int = 180,
) -> Sipp:
    """Run a scenario in the background: as a caller when `remote` (host:port) is given, else waiting for a call.

    It gives up after `timeout` seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file, log = folder / "scenario.xml", folder / "messages.log"
    file.write_text(scenario)
    command = ["sipp", "-sf", str(file), "-i", "127.0.0.1", "-p", str(local_port), "-mi", "127.0.0.1"]
    command += ["-mp", str(media_port), "-t", transport]
    command += [
        "-m",
        str(calls),
        "-r",
        str(rate),
        "-s",
        service,
        "-key",
        "caller",
        caller,
        "-nostdin",
        "-trace_msg",
        "-message_file",
        str(log),
    ]
    command += ["-timeout", str(timeout), "-timeout_error"]
    if remote:
        command.append(remote)
    with (folder / "screen.log").open("wb") as screen:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen)
    _give_a_machine_of_its_own(process.pid)
    if not remote:
        time.sleep(0.3)
    return Sipp(process, log)


def _give_a_machine_of_its_own(pid: int) -> None:
    """A phone does not share a caller's: where it may (as root), it goes before what it calls, which so cannot delay
    the audio it sends."""
    with suppress(PermissionError, ProcessLookupError):
        os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(1))


def sample(name: str) -> npt.NDArray[np.int16]:
    """A committed recording of a caller: 8 kHz samples."""
    with wave.open(str(SAMPLES / f"{name}.wav")) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


Part = float | str | npt.NDArray[np.int16]
"""Seconds of silence, a recording's name, or samples."""


def speech(*parts: Part) -> npt.NDArray[np.int16]:
    """What a caller says, 8 kHz."""
    return np.concatenate([_samples(part) for part in parts])


def _samples(part: Part) -> npt.NDArray[np.int16]:
    if isinstance(part, str):
        return sample(part)
    return part if isinstance(part, np.ndarray) else np.zeros(int(part * RATE), np.int16)


def timeline(folder: Path, *parts: Part, tail: float = 30.0) -> Path:
    """Write what a caller says as the raw mu-law that sipp plays, with silence after it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "caller.ulaw"
    file.write_bytes(ulaw_encode(speech(*parts, tail)))
    return file
