"""How long `make up` takes the second time: from the command to a call that is in progress."""

import subprocess
import sys
import time
from collections.abc import Callable

import httpx

from bench.embedded import bench_environment, empty_home, run_embedded, started_platform
from bench.table import Row
from infra.embedded.demo import SAMPLES
from infra.paths import REPOSITORY

_ANSWER_WITHIN_SECONDS = 20.0


def start_and_call() -> tuple[float, float]:
    """Seconds until the platform is up, and until a call to it is in progress."""
    began = time.monotonic()
    run_embedded("up", "--no-demo")
    up = time.monotonic() - began
    phone = [sys.executable, "-m", "infra.embedded.phone", started_platform().sip_uri, str(SAMPLES / "hello_hours.wav")]
    calling = subprocess.Popen(
        phone, env=bench_environment(), cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_until_in_progress()
        return up, time.monotonic() - began
    finally:
        calling.terminate()
        calling.wait(20)


def _wait_until_in_progress() -> None:
    local = started_platform()
    headers = {"Authorization": f"Bearer {local.load_api_key}"}
    deadline = time.monotonic() + _ANSWER_WITHIN_SECONDS
    with httpx.Client(base_url=local.api_url, headers=headers, timeout=10, trust_env=False) as client:
        while time.monotonic() < deadline:
            calls = client.get("/calls", params={"limit": 1, "status": "in-progress"}).json()["calls"]
            if calls:
                return
            time.sleep(0.05)
    raise RuntimeError("the call was not answered")


def run(tell: Callable[[str], None]) -> list[Row]:
    """The row of this file."""
    run_embedded("down")
    empty_home()
    try:
        run_embedded("up", "--no-demo")
        run_embedded("down")
        up, in_call = start_and_call()
    finally:
        run_embedded("down")
    tell(f"  up after {up:.1f} s, in a call after {in_call:.1f} s")
    return [Row("warm_start_s", in_call, note=f"up after {up:.1f} s")]
