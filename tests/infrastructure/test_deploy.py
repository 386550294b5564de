"""`cdk deploy`, as a user runs it, of the same assembly `make up` uses: the pinned CLI against the emulator."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.embedded.cloud import aws_environment
from infra.paths import REPOSITORY
from infra.stage import EMBEDDED_ACCOUNT, EMBEDDED_REGION
from tests.infrastructure.conftest import Templates
from tests.infrastructure.emulated import Emulator, emulator

__all__ = ["emulator"]

CDK = REPOSITORY / "node_modules" / ".bin" / "cdk"
pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not CDK.exists(), reason="the CDK command line is not installed: npm ci"),
]


def cdk(emulator: Emulator, *arguments: str) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        # the CLI keeps account numbers per key in the home folder: another emulator's would be taken for this one's
        "HOME": str(emulator.settings.home),
        "CI": "true",
        "CDK_DISABLE_VERSION_CHECK": "1",
        **aws_environment(emulator.url),
    }
    command = [str(CDK), "--no-color", "--no-notices", *arguments]
    result = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-3000:]
    return result.stdout + result.stderr


def deploy(emulator: Emulator, assembly: Path) -> str:
    return cdk(emulator, "deploy", "--all", "--app", str(assembly), "--require-approval", "never", "--ci")


def statuses(emulator: Emulator) -> dict[str, str]:
    stacks = emulator.client("cloudformation").describe_stacks()["Stacks"]
    return {s["StackName"]: s["StackStatus"] for s in stacks if s["StackName"].startswith("Sovereign-")}


def table_name(emulator: Emulator) -> str:
    (name,) = emulator.client("dynamodb").list_tables()["TableNames"]
    return str(name)


def changed(assembly: Path, folder: Path) -> Path:
    """The same assembly after a change a release might bring: more memory, a tag on the table."""
    shutil.copytree(assembly, folder, symlinks=True)
    api, data = (next(folder.glob(f"*-{name}.template.json")) for name in ("api", "data"))
    template: dict[str, Any] = json.loads(api.read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            resource["Properties"]["MemorySize"] = 1536
    rewrite(api, template)
    template = json.loads(data.read_text())
    table = next(r for r in template["Resources"].values() if r["Type"] == "AWS::DynamoDB::Table")
    table["Properties"]["Tags"] = [{"Key": "changed", "Value": "yes"}]
    rewrite(data, template)
    return folder


def rewrite(path: Path, template: dict[str, Any]) -> None:
    """Store a changed template under a name of its content, as synthesis does: equal names are not uploaded again."""
    text = json.dumps(template)
    path.write_text(text)
    assets = path.with_name(path.name.replace(".template.json", ".assets.json"))
    files: dict[str, Any] = json.loads(assets.read_text())["files"]
    old = next(name for name, file in files.items() if file["source"]["path"] == path.name)
    new = hashlib.sha256(text.encode()).hexdigest()
    for file in (assets, path.with_name("manifest.json")):
        file.write_text(file.read_text().replace(old, new))


def test_cdk_bootstraps_deploys_and_updates_in_place_keeping_rows(
    emulator: Emulator, embedded: Templates, tmp_path: Path
) -> None:
    cdk(emulator, "bootstrap", "--app", "", f"aws://{EMBEDDED_ACCOUNT}/{EMBEDDED_REGION}")
    deploy(emulator, embedded.folder)
    assert set(statuses(emulator).values()) == {"CREATE_COMPLETE"}
    assert len(statuses(emulator)) == len(embedded.stacks)
    table, rows = table_name(emulator), emulator.client("dynamodb")
    rows.put_item(TableName=table, Item={"pk": {"S": "ORG#kept"}, "sk": {"S": "ORGANIZATION"}, "name": {"S": "Kept"}})

    deploy(emulator, changed(embedded.folder, tmp_path / "changed"))

    assert set(statuses(emulator).values()) <= {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
    assert "UPDATE_COMPLETE" in statuses(emulator).values()
    functions = emulator.client("lambda").list_functions()["Functions"]
    health = next(f for f in functions if f["FunctionName"] == "sovereign-embedded-health")
    assert health["MemorySize"] == 1536
    assert table_name(emulator) == table
    kept = rows.get_item(TableName=table, Key={"pk": {"S": "ORG#kept"}, "sk": {"S": "ORGANIZATION"}})
    assert kept["Item"]["name"]["S"] == "Kept"
