"""A second media node beside the platform's own, to be killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from infra.embedded.cloud import aws_environment
from infra.embedded.services import answers
from infra.paths import REPOSITORY
from tests.conftest import free_media_port, free_ports
from tests.e2e.phones import calling, talk
from tests.e2e.platform_process import process_environment
from tests.e2e.stage import Stage, until


@dataclass(frozen=True)
class LostCall:
    """A call whose node was killed at `killed_at` (monotonic seconds) after `lived_seconds` of it."""

    call_id: str
    killed_at: float
    lived_seconds: float


@contextmanager
def _second_node(stage: Stage, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A node with addresses of its own; gives its process and its SIP address."""
    (sip, control), rtp = free_ports(2), free_media_port()
    environment = process_environment(stage, "media") | {
        "SIP_LISTEN": f"127.0.0.1:{sip}",
        "CONTROL_LISTEN": f"127.0.0.1:{control}",
        "CONTROL_ADDRESS": f"127.0.0.1:{control}",
        "RTP_PORTS": f"{rtp}-{rtp + 11}",
        "MAX_CALLS": "2",
    }
    environment |= aws_environment(stage.local.aws_endpoint_url)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "media.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "media.main"], env=environment, cwd=REPOSITORY, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        until(lambda: answers(f"https://127.0.0.1:{control}/health") or None, 60, "the second node")
        yield process, f"127.0.0.1:{sip}"
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children as a crash would."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def lose_a_call(stage: Stage, folder: Path) -> LostCall:
    """Call a second node and kill it while it speaks."""
    with _second_node(stage, folder) as (process, sip):
        scenario = talk(folder, seconds=30, we_hang_up=True)
        with calling(replace(stage, sip=sip), scenario, folder) as phone:
            call_id = stage.call_of(phone.number)["id"]
            stage.in_status(call_id, {"in-progress"})
            answered = time.monotonic()
            time.sleep(6)  # past a heartbeat
            kill(process)
            return LostCall(call_id, time.monotonic(), time.monotonic() - answered)
