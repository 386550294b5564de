"""Phones on loopback: sipp with recorded speech, and what crossed the wire to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.conftest import free_media_port, free_ports
from tests.e2e import scenarios, sipp
from tests.e2e.stage import Stage, new_caller
from tests.e2e.wire import RtpCapture, RtpStream

SEEDED_NUMBER = "+12025550142"


@dataclass(frozen=True)
class Phone:
    """A sipp in a call. `heard` is what the platform sent to it so far."""

    number: str
    process: sipp.Sipp
    wire: RtpCapture

    def heard(self) -> RtpStream:
        """The agent's RTP."""
        streams = self.wire.streams()
        assert streams, "no RTP reached the phone"
        return streams[0]

    def audio(self) -> npt.NDArray[np.int16]:
        """The agent's sound, 8 kHz."""
        return self.heard().pcm()


@contextmanager
def calling(
    stage: Stage,
    scenario: str,
    folder: Path,
    *,
    service: str = SEEDED_NUMBER,
    transport: str = "u1",
    number: str | None = None,
    timeout: int = 180,
) -> Iterator[Phone]:
    """Call a number of the platform; the phone is gone afterwards, and after `timeout` seconds in any case."""
    number = number or new_caller()
    (local,), media = free_ports(1), free_media_port()
    with RtpCapture(media) as wire:
        process = sipp.start(
            scenario,
            folder,
            local_port=local,
            media_port=media,
            remote=stage.sip,
            service=service,
            caller=number,
            transport=transport,
            timeout=timeout,
        )
        try:
            yield Phone(number, process, wire)
        finally:
            process.stop()


@contextmanager
def waiting(scenario: str, folder: Path, *, port: int) -> Iterator[Phone]:
    """A phone at `port` that waits for a call of the platform."""
    media = free_media_port()
    with RtpCapture(media) as wire:
        process = sipp.start(scenario, folder, local_port=port, media_port=media)
        try:
            yield Phone("", process, wire)
        finally:
            process.stop()


def talk(folder: Path, *parts: float | str, seconds: float, we_hang_up: bool) -> str:
    """A caller who says `parts` (numbers are pauses in seconds) and hangs up after `seconds`, or waits so long."""
    return scenarios.caller(sipp.timeline(folder, *parts), seconds=seconds, we_hang_up=we_hang_up)
