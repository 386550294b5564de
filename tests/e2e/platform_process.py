"""Starting and stopping a platform of this folder's own, beside any that runs already."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from infra.embedded.cloud import aws_environment, cloud_client
from infra.embedded.local_file import read_local
from infra.embedded.services import base_environment
from infra.paths import STATE
from tests.conftest import embedded_environment, free_ports, run_embedded
from tests.e2e.stage import Stage


def model_cache() -> Path:
    """Where the speech models lie; `up` puts them there when they are missing."""
    return Path(os.environ.get("SOVEREIGN_MODEL_CACHE", STATE / "models")).resolve()


@contextmanager
def running_stage(home: Path) -> Iterator[Stage]:
    """A seeded platform with a media node, whose providers `openai` and `xai` are at ports a test may listen on."""
    openai, xai = free_ports(2)
    environment = embedded_environment(home)
    environment |= {
        "SOVEREIGN_MODEL_CACHE": str(model_cache()),
        "OPENAI_BASE_URL": f"http://127.0.0.1:{openai}/v1",
        "XAI_BASE_URL": f"http://127.0.0.1:{xai}/v1",
    }
    try:
        start(environment)
        local = read_local(home / "local.json")
        assert local is not None
        headers = {"Authorization": f"Bearer {local.load_api_key}"}
        with httpx.Client(base_url=local.api_url, headers=headers, timeout=30, trust_env=False) as api:
            sip = f"127.0.0.1:{environment['SOVEREIGN_SIP_PORT']}"
            yield Stage(
                local=local,
                home=home,
                api=api,
                sip=sip,
                fake_openai_port=openai,
                fake_xai_port=xai,
                environment=environment,
            )
    finally:
        stop(environment)


def start(environment: dict[str, str]) -> None:
    """Start the platform of an environment, or start it again."""
    started = run_embedded("up", environment, "--no-demo")
    assert started.returncode == 0, started.stdout + started.stderr


def stop(environment: dict[str, str]) -> None:
    """Stop it; its data stays."""
    stopped = run_embedded("down", environment)
    assert stopped.returncode == 0, stopped.stderr


def operator(stage: Stage, *arguments: str) -> dict[str, Any]:
    """Run the operator's `sovereign` command against the platform; returns what it printed."""
    functions = cloud_client("lambda", stage.local.aws_endpoint_url)
    given = functions.get_function_configuration(FunctionName="sovereign-embedded-organizations")["Environment"]
    environment = base_environment() | aws_environment(stage.local.aws_endpoint_url) | given["Variables"]
    command = [sys.executable, "-m", "sovereign.cli", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=60)
    printed: dict[str, Any] = json.loads(result.stdout)
    return printed


def give_own_keys(stage: Stage, **keys: str) -> None:
    """Store provider keys of the seeded organization where the platform looks for them."""
    name = f"sovereign/embedded/organizations/{stage.local.organization_id}/provider-keys"
    secrets = cloud_client("secretsmanager", stage.local.aws_endpoint_url)
    secrets.create_secret(Name=name, SecretString=json.dumps(keys))


def process_id(stage: Stage, name: str) -> int:
    """One of the platform's processes."""
    recorded = json.loads((stage.home / "processes.json").read_text())
    (pid,) = [entry["pid"] for entry in recorded if entry["name"] == name]
    return int(pid)


def process_environment(stage: Stage, name: str) -> dict[str, str]:
    """What one of the platform's processes was started with."""
    pairs = Path(f"/proc/{process_id(stage, name)}/environ").read_bytes().decode().rstrip("\0").split("\0")
    return dict(pair.split("=", 1) for pair in pairs)
