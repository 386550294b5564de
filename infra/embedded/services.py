"""The processes of a platform: what each is started with, and how to tell that it is ready."""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

from infra.assets import digest_of
from infra.embedded.cloud import aws_environment, cloud_client, without_aws
from infra.embedded.processes import Processes, Recorded
from infra.embedded.progress import SetupError
from infra.embedded.settings import LOOPBACK, EmbeddedSettings
from infra.paths import REPOSITORY, STATE
from infra.stage import ADDRESSED_PROVIDERS, EMBEDDED_ACCOUNT, EMBEDDED_REGION

EMULATOR, SINK, PROXY, MEDIA = "emulator", "sink", "proxy", "media"
PATIENCE = {EMULATOR: 30.0, MEDIA: 45.0}
"""Seconds a process may take to stop: the emulator saves everything, a media node ends its calls."""
_REQUIREMENTS = REPOSITORY / "requirements" / "ministack.txt"
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")
_PASSED_ON = (
    *(f"{provider.upper()}_BASE_URL" for provider in ADDRESSED_PROVIDERS),
    "PROVIDER_FALLBACKS", "SIP_SRTP_IN", "SIP_CA_FILE", "OTEL_EXPORTER_OTLP_ENDPOINT",
)  # fmt: skip
"""Self-hosted or stand-in endpoints, fallbacks, SIP's encryption, where spans go: as functions and media read them."""


def base_environment() -> dict[str, str]:
    """What a child needs of this process's environment, and nothing that would leak into a function."""
    given = without_aws(os.environ)
    return {name: given[name] for name in (*_KEPT, *_PASSED_ON) if name in given}


def emulator_python() -> Path:
    """The interpreter of the emulator's own virtual environment, made from its lock file when that changed."""
    venv = STATE / "emulator-venv"
    venv.parent.mkdir(parents=True, exist_ok=True)
    with (venv.parent / "emulator-venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two platforms that start at once make it once
        return _made_environment(venv)


def _made_environment(venv: Path) -> Path:
    marker, wanted = venv / "content", digest_of([_REQUIREMENTS], sys.version)
    python = venv / "bin" / "python"
    if marker.exists() and marker.read_text(encoding="utf-8") == wanted and python.exists():
        return python
    shutil.rmtree(venv, ignore_errors=True)
    _run_tool("venv", "--quiet", "--python", sys.executable, str(venv))
    _run_tool(
        "pip", "install", "--quiet", "--require-hashes", "--compile-bytecode", "--python", str(python),
        "-r", str(_REQUIREMENTS),
    )  # fmt: skip
    marker.write_text(wanted, encoding="utf-8")
    return python


def _run_tool(*arguments: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "uv", *arguments], capture_output=True, text=True, check=False, cwd=REPOSITORY
    )
    if result.returncode:
        last = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise SetupError(f"the emulator could not be installed ({last[:200]}): check the network and run again")


def start_emulator(settings: EmbeddedSettings, processes: Processes) -> Recorded:
    """The AWS emulator; its temporary files (unpacked code of every function) start empty."""
    temporary = settings.home / "emulator-tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    environment = base_environment() | {
        "PERSIST_STATE": "1",
        "STATE_DIR": str(settings.home / "aws"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(settings.home / "s3"),
        "TMPDIR": str(temporary),
        "GATEWAY_PORT": str(settings.sovereign_emulator_port),
        "BIND_HOST": LOOPBACK,
        "MINISTACK_HOST": LOOPBACK,
        "MINISTACK_ACCOUNT_ID": EMBEDDED_ACCOUNT,
        "MINISTACK_REGION": EMBEDDED_REGION,
        "LAMBDA_EXECUTOR": "local",
        "LAMBDA_WARM_TTL_SECONDS": "86400",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "INFO",
    }
    for folder in (settings.home / "aws", settings.home / "s3"):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    _drop_old_layers(settings.home / "unpacked-layers")
    command = [str(emulator_python()), "-m", "infra.embedded.emulator"]
    return processes.start(EMULATOR, command, environment=environment, folder=REPOSITORY)


def _drop_old_layers(folder: Path) -> None:
    """Keep the layers unpacked last; an older one that is needed after all is unpacked again."""
    if folder.is_dir():
        for old in sorted(folder.iterdir(), key=lambda entry: entry.stat().st_mtime)[:-6]:
            shutil.rmtree(old, ignore_errors=True)


def start_sink(settings: EmbeddedSettings, processes: Processes) -> Recorded:
    """The webhook sink."""
    command = [sys.executable, "-m", "infra.embedded.sink", str(settings.sovereign_sink_port), str(settings.home)]
    return processes.start(SINK, command, environment=base_environment(), folder=REPOSITORY)


def start_proxy(settings: EmbeddedSettings, processes: Processes, api_id: str) -> Recorded:
    """The fixed address in front of the HTTP API."""
    target = f"{settings.emulator_url}/_aws/execute-api/{api_id}/$default"
    command = [sys.executable, "-m", "infra.embedded.proxy", str(settings.sovereign_api_port), target]
    return processes.start(PROXY, command, environment=base_environment(), folder=REPOSITORY)


def start_media(settings: EmbeddedSettings, processes: Processes) -> Recorded:
    """The container's code with the variables of the deployed task definition, its addresses moved to loopback."""
    given = base_environment()
    environment = given | task_environment(settings) | aws_environment(settings.emulator_url)
    environment |= {
        "SIP_SRTP_IN": given.get("SIP_SRTP_IN", environment.get("SIP_SRTP_IN", "off")),
        "SIP_LISTEN": f"{LOOPBACK}:{settings.sovereign_sip_port}",
        "SIP_SOURCE_MODE": "loopback",
        "RTP_PORTS": settings.sovereign_rtp_ports,
        "CONTROL_LISTEN": f"{LOOPBACK}:{settings.sovereign_control_port}",
        "CONTROL_ADDRESS": f"{LOOPBACK}:{settings.sovereign_control_port}",
        "ADVERTISED_ADDRESS": LOOPBACK,
        "MAX_CALLS": str(settings.sovereign_max_calls),
        "MEDIA_PROCESSES": "1",
        "MODEL_CACHE": str(settings.sovereign_model_cache.resolve()),
    }
    return processes.start(MEDIA, [sys.executable, "-m", "media.main"], environment=environment, folder=REPOSITORY)


def task_environment(settings: EmbeddedSettings) -> dict[str, str]:
    """What the deployed task definition gives its container."""
    ecs = cloud_client("ecs", settings.emulator_url)
    families = ecs.list_task_definitions(sort="DESC")["taskDefinitionArns"]
    newest = max(families, key=lambda arn: int(arn.rsplit(":", 1)[1]), default=None)
    if newest is None:
        raise SetupError("the deployed template has no media task: run `make down`, remove .sovereign/aws, `make up`")
    container = ecs.describe_task_definition(taskDefinition=newest)["taskDefinition"]["containerDefinitions"][0]
    return {variable["name"]: variable["value"] for variable in container["environment"] if variable["value"]}


def wait_for(
    what: str, is_ready: Callable[[], bool], *, seconds: float, processes: Processes, needs: Mapping[str, Recorded]
) -> None:
    """Poll until ready. Raises SetupError when a needed process ends or the time is up."""
    deadline = time.monotonic() + seconds
    while not is_ready():
        for entry in needs.values():
            processes.require_alive(entry)
        if time.monotonic() > deadline:
            names = ", ".join(str(processes.log(name)) for name in needs)
            raise SetupError(f"{what} was not ready within {seconds:.0f} s: see {names}")
        time.sleep(0.05)


def answers(url: str) -> bool:
    """Whether an address answers 200."""
    try:
        # the node's certificate is its own; the caller is on the same machine
        return httpx.get(url, timeout=10, verify=False).status_code == 200  # noqa: S501
    except httpx.HTTPError:
        return False


def emulator_ready(settings: EmbeddedSettings) -> bool:
    """Whether the emulator has loaded its state and serves."""
    return answers(f"{settings.emulator_url}/_ministack/health")


def media_ready(settings: EmbeddedSettings) -> bool:
    """Whether the media node answers its health route."""
    return answers(f"https://{LOOPBACK}:{settings.sovereign_control_port}/health")
