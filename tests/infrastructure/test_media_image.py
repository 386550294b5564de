"""The container as it will be built and run, as far as that can be seen without a container runtime: the Dockerfile's
copies are made into a folder, and what it starts is started from there."""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from infra.constructs.media_service import CONTROL_PORT, IMAGE_SOURCES, SIP_PORT
from infra.paths import REPOSITORY
from media import server
from media.settings import MediaEnvironment
from media.supervisor import EXIT_CONFIGURATION
from tests.infrastructure.conftest import Templates

pytestmark = pytest.mark.timeout(240)

DOCKERFILE = (REPOSITORY / "media_fargate" / "Dockerfile").read_text()
WORKING_FOLDERS = {"models": "/build", "": "/app"}
FARGATE_LONGEST_STOP_SECONDS = 120
IMPORT_EVERYTHING = """
import importlib, importlib.metadata, json, re, sys
locked = set(sys.argv[1:])
owners = importlib.metadata.packages_distributions()
canonical = lambda name: re.sub("[-_.]+", "-", name).lower()

class OnlyLocked:
    def find_spec(self, name, path=None, target=None):
        if name in owners and not locked & set(map(canonical, owners[name])):
            raise ModuleNotFoundError(f"{name} is not in requirements/media.txt", name=name)

sys.meta_path.insert(0, OnlyLocked())
import media.main, media.server
from media.speech import registry
for openers in (registry._RECOGNISERS, registry._CHAT_MODELS, registry._SYNTHESISERS):
    for module in openers.values():
        importlib.import_module(module)
print(json.dumps({name: sys.modules[name].__file__ for name in ("media", "sovereign")}))
"""
"""Imports what a media process can need, with packages outside the lock given as arguments not to be found."""


def copies() -> list[tuple[str, list[str], str]]:
    """(stage, sources, target) of every COPY from the build's context."""
    found, stage = [], ""
    for line in DOCKERFILE.splitlines():
        if line.startswith("FROM "):
            _, _, stage = line.partition(" AS ")
        elif line.startswith("COPY ") and "--from" not in line:
            *sources, target = line.split()[1:]
            found.append((stage, sources, target))
    return found


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root folder with what the Dockerfile copies, where it copies it."""
    root = tmp_path_factory.mktemp("image")
    for stage, sources, target in copies():
        place = root / (Path(WORKING_FOLDERS[stage]) / target).relative_to("/")
        for source in map(REPOSITORY.joinpath, sources):
            if source.is_dir():
                shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                into = place / source.name if target.endswith("/") else place
                into.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, into)
    return root


def python(image: Path, *arguments: str, folder: str = "app") -> subprocess.CompletedProcess[str]:
    """The interpreter in the image's folder. Installed packages are found, the repository (by a .pth file) is not."""
    packages = sysconfig.get_path("purelib")
    environment = {"PYTHONPATH": f"{image / folder}:{packages}", "PYTHONDONTWRITEBYTECODE": "1", "PATH": ""}
    command = [sys.executable, "-S", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=image / folder, env=environment, timeout=220
    )


def test_dockerfile_copies_only_what_is_sent_to_the_builder(dev: Templates) -> None:
    (dockerfile,) = dev.folder.glob("asset.*/media_fargate/Dockerfile")
    context = dockerfile.parents[1]
    for _, sources, _ in copies():
        for source in sources:
            assert any(source == sent or source.startswith(f"{sent}/") for sent in IMAGE_SOURCES), source
            assert (REPOSITORY / source).exists(), source
            assert (context / source).exists(), source
    assert {path.name for path in context.iterdir()} == {source.split("/")[0] for source in IMAGE_SOURCES}
    assert not list(context.rglob("__pycache__"))


def test_command_runs_from_the_image_and_names_what_it_was_not_told(image: Path) -> None:
    (command,) = re.findall(r"ENTRYPOINT (\[.*\])", DOCKERFILE)
    result = python(image, *json.loads(command)[1:])
    assert result.returncode == EXIT_CONFIGURATION
    (line,) = result.stderr.splitlines()
    assert line.startswith("media: ")
    assert all(name in line for name in ("TABLE_NAME", "CONTROL_SECRET_ID", "MODEL_CACHE"))


def test_image_holds_every_module_and_its_lock_every_package_a_call_can_need(image: Path) -> None:
    lock = (REPOSITORY / "requirements" / "media.txt").read_text()
    locked = [re.sub(r"[-_.]+", "-", name).lower() for name in re.findall(r"^([\w.-]+).*==", lock, re.MULTILINE)]
    result = python(image, "-c", IMPORT_EVERYTHING, *locked)
    assert result.returncode == 0, result.stderr
    assert all(file.startswith(str(image)) for file in json.loads(result.stdout).values())


def test_models_are_prepared_from_what_their_stage_copies(image: Path) -> None:
    result = python(image, "-m", "infra.embedded.models", "--help", folder="build")
    assert result.returncode == 0, result.stderr
    assert (image / "build/requirements/models.txt").is_file()


def test_task_takes_calls_on_ports_its_security_group_lets_in(dev: Templates) -> None:
    variables = container(dev)["Environment"]
    told = {v["Name"].lower(): v["Value"] if isinstance(v["Value"], str) else "set" for v in variables}
    environment = MediaEnvironment.model_validate({"model_cache": "/models"} | told)
    shares = [environment.located("10.40.0.7").share(i) for i in range(environment.media_processes)]
    assert shares[0].sip_listen.port == SIP_PORT
    assert shares[0].control_listen.port == CONTROL_PORT
    group = next(g for g in dev.of_type("AWS::EC2::SecurityGroup").values() if "Media" in str(g["Properties"]))
    rules = group["Properties"]["SecurityGroupIngress"]
    controls = dev.of_type("AWS::EC2::SecurityGroupIngress").values()
    for share in shares:
        assert admits(rules, "udp", share.sip_listen.port)
        assert admits(rules, "tcp", share.sip_listen.port)
        assert admits(rules, "udp", *share.rtp_ports)
        assert admits([rule["Properties"] for rule in controls], "tcp", share.control_listen.port)


def test_stop_leaves_time_for_goodbyes_and_the_last_writes(dev: Templates) -> None:
    told = {variable["Name"]: variable["Value"] for variable in container(dev)["Environment"]}
    stop = container(dev)["StopTimeout"]
    assert stop <= FARGATE_LONGEST_STOP_SECONDS
    assert float(told["DRAIN_SECONDS"]) + server.APOLOGY_SECONDS + server.ABANDON_SECONDS + 10 <= stop
    assert MediaEnvironment.model_fields["drain_seconds"].default <= float(told["DRAIN_SECONDS"])


def test_task_may_protect_tasks_of_its_own_cluster_only(dev: Templates) -> None:
    statements = [
        statement
        for policy in dev.of_type("AWS::IAM::Policy", "media").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "ecs:UpdateTaskProtection" in statement["Action"]
    ]
    (statement,) = statements
    assert set(statement["Action"]) == {"ecs:UpdateTaskProtection", "ecs:GetTaskProtection"}
    (cluster,) = dev.of_type("AWS::ECS::Cluster")
    parts = statement["Resource"]["Fn::Join"][1]
    assert {"Ref": cluster} in parts
    assert parts[-1] == "/*"
    assert any(isinstance(part, str) and part.endswith(":task/") for part in parts)


def container(templates: Templates) -> dict[str, Any]:
    (task,) = templates.of_type("AWS::ECS::TaskDefinition").values()
    (found,) = task["Properties"]["ContainerDefinitions"]
    return dict(found)


def admits(rules: list[dict[str, Any]], protocol: str, *ports: int) -> bool:
    wanted = [rule for rule in rules if rule["IpProtocol"] == protocol]
    return any(rule["FromPort"] <= min(ports) and max(ports) <= rule["ToPort"] for rule in wanted)
