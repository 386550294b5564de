"""An embedded platform for measuring: its own home and ports, so that a user's platform and data stay as they are."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from infra.embedded.cloud import aws_environment, cloud_client, without_aws
from infra.embedded.local_file import LocalPlatform, read_local
from infra.paths import REPOSITORY, SHARED_LAYER, STATE
from infra.resources import API_RESOURCES

HOME = STATE / "bench-home"
_PORTS = {"API": 23500, "EMULATOR": 23501, "CONTROL": 23502, "SINK": 23503, "SIP": 23510}
_KEEPS = ("assembly", "unpacked-layers")


@dataclass(frozen=True)
class BenchPlatform:
    """A running platform, and the variables under which the deployed functions' code runs in another process."""

    local: LocalPlatform
    environment: dict[str, str]

    def measure(self, module: str, *arguments: str, seconds: float = 600) -> Any:
        """Run `python -m <module>` with the functions' environment; the JSON it prints last."""
        command = [sys.executable, "-m", module, *arguments]
        ran = subprocess.run(
            command,
            env=self.environment,
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=seconds,
        )
        return json.loads(ran.stdout.strip().splitlines()[-1])


def bench_environment() -> dict[str, str]:
    """The variables of the benchmarks' own platform."""
    ports = {f"SOVEREIGN_{name}_PORT": str(port) for name, port in _PORTS.items()}
    return {**os.environ, **ports, "SOVEREIGN_HOME": str(HOME), "SOVEREIGN_RTP_PORTS": "23600-23999"}


def run_embedded(module: str, *arguments: str) -> None:
    """Run `python -m infra.embedded.<module>` for the benchmarks' platform. Raises with what it said when it fails."""
    command = [sys.executable, "-m", f"infra.embedded.{module}", *arguments]
    ran = subprocess.run(
        command, env=bench_environment(), cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=600
    )
    if ran.returncode:
        raise RuntimeError(f"{module} failed: {(ran.stdout + ran.stderr)[-500:]}")


def empty_home() -> None:
    """A home without data; what is cached by content stays."""
    HOME.mkdir(parents=True, exist_ok=True)
    for entry in HOME.iterdir():
        if entry.name not in _KEEPS:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


@contextmanager
def running_platform() -> Iterator[BenchPlatform]:
    """An empty, seeded platform without its media node, stopped afterwards."""
    run_embedded("down")
    empty_home()
    run_embedded("up", "--no-media")
    try:
        local = started_platform()
        yield BenchPlatform(local, _function_environment(local))
    finally:
        run_embedded("down")


def started_platform() -> LocalPlatform:
    """Addresses and keys of the benchmarks' platform."""
    local = read_local(HOME / "local.json")
    if local is None:
        raise RuntimeError("the platform wrote no local.json")
    return local


def _function_environment(local: LocalPlatform) -> dict[str, str]:
    """What the deployed routes' functions are given, all together."""
    functions = cloud_client("lambda", local.aws_endpoint_url)
    given: dict[str, str] = {}
    for resource in API_RESOURCES:
        name = f"sovereign-embedded-{resource.name.replace('_', '-')}"
        given |= functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    path = os.pathsep.join([str(REPOSITORY), str(SHARED_LAYER / "python")])
    return without_aws(os.environ) | aws_environment(local.aws_endpoint_url) | given | {"PYTHONPATH": path}
