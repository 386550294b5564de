"""Deploys a synthesised assembly with boto3: uploads what is missing, then creates or updates each stack in order."""

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.embedded.cloud import cloud_client
from infra.embedded.progress import SetupError
from infra.stage import EMBEDDED_ACCOUNT, EMBEDDED_REGION

ASSETS_BUCKET = f"cdk-hnb659fds-assets-{EMBEDDED_ACCOUNT}-{EMBEDDED_REGION}"
"""Where CDK's default synthesizer expects assets."""
_BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"
_PATIENCE_SECONDS = 120.0
_COMPLETE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})


class Deployment:
    """One assembly against one endpoint. `record` remembers which template each stack was brought to last."""

    def __init__(self, assembly: Path, endpoint: str, record: Path) -> None:
        self._assembly = assembly
        self._record = record
        self._deployed: dict[str, str] = {}
        self._endpoint = endpoint
        self._cloudformation = cloud_client("cloudformation", endpoint)
        self._s3 = cloud_client("s3", endpoint)

    def deploy(self) -> dict[str, str]:
        """Bring every stack to the assembly's state; returns all outputs by key. Raises SetupError for a failed one."""
        templates = {name: self._template_key(name) for name in self._stacks()}
        done: dict[str, str] = json.loads(self._record.read_text(encoding="utf-8")) if self._record.exists() else {}
        standing = {stack["StackName"]: stack for stack in self._cloudformation.describe_stacks()["Stacks"]}
        if not standing:
            self._bootstrap()
        for name, template in templates.items():
            status = standing.get(name, {}).get("StackStatus")
            if done.get(name) != template or status not in _COMPLETE:
                self._apply(name, self._upload(name))
        self._deployed = templates
        stacks = self._cloudformation.describe_stacks()["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for stack in stacks for output in stack.get("Outputs", ())}

    def publish_address(self, name: str, url: str) -> None:
        """Tell the functions where clients reach the API: behind a proxy of its own, whose port may change."""
        ssm = cloud_client("ssm", self._endpoint)
        ssm.put_parameter(Name=name, Value=url, Type="String", Overwrite=True)

    def remember(self) -> None:
        """Record what was deployed; to be called once the emulator has it on disk."""
        self._record.write_text(json.dumps(self._deployed), encoding="utf-8")

    def _template_key(self, stack: str) -> str:
        """The template's name in the assets bucket: a hash of its content, so of everything the stack is made of."""
        assets = json.loads((self._assembly / f"{stack}.assets.json").read_text(encoding="utf-8"))["files"]
        template = next(a for a in assets.values() if a["source"]["path"] == f"{stack}.template.json")
        return str(next(iter(template["destinations"].values()))["objectKey"])

    def _bootstrap(self) -> None:
        try:
            self._s3.create_bucket(Bucket=ASSETS_BUCKET)
        except ClientError as failure:
            if failure.response["Error"]["Code"] not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
                raise
        ssm = cloud_client("ssm", self._endpoint)
        ssm.put_parameter(Name=_BOOTSTRAP_VERSION, Value="30", Type="String", Overwrite=True)

    def _stacks(self) -> list[str]:
        """Stack names in an order in which each comes after what it depends on."""
        manifest = json.loads((self._assembly / "manifest.json").read_text(encoding="utf-8"))
        stacks = {
            name: set(artifact.get("dependencies", ()))
            for name, artifact in manifest["artifacts"].items()
            if artifact["type"] == "aws:cloudformation:stack"
        }
        ordered: list[str] = []
        while len(ordered) < len(stacks):
            ready = [n for n, needs in stacks.items() if n not in ordered and not (needs & stacks.keys()) - {*ordered}]
            ordered += ready
        return ordered

    def _upload(self, stack: str) -> str:
        """Store the stack's assets that are not there yet; returns the template's address."""
        assets = json.loads((self._assembly / f"{stack}.assets.json").read_text(encoding="utf-8"))["files"]
        template_url = ""
        for asset in assets.values():
            source = self._assembly / asset["source"]["path"]
            key = next(iter(asset["destinations"].values()))["objectKey"]
            if not self._has(key):
                body = _zipped(source) if asset["source"]["packaging"] == "zip" else source.read_bytes()
                self._s3.put_object(Bucket=ASSETS_BUCKET, Key=key, Body=body)
            if source.name == f"{stack}.template.json":
                template_url = f"{self._endpoint}/{ASSETS_BUCKET}/{key}"
        return template_url

    def _has(self, key: str) -> bool:
        try:
            self._s3.head_object(Bucket=ASSETS_BUCKET, Key=key)
        except ClientError:
            return False
        return True

    def _apply(self, stack: str, template_url: str) -> None:
        request = {
            "StackName": stack,
            "TemplateURL": template_url,
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        }
        self._clear_failed(stack)
        try:
            if self._describe(stack) is None:
                self._cloudformation.create_stack(**request)
            else:
                self._cloudformation.update_stack(**request)
        except ClientError as failure:
            if "No updates are to be performed" in str(failure):
                return
            raise SetupError(f"stack {stack} was refused: {failure}") from failure
        self._wait(stack)

    def _clear_failed(self, stack: str) -> None:
        """A stack whose first creation failed can only be deleted."""
        if (self._describe(stack) or {}).get("StackStatus") in {"ROLLBACK_COMPLETE", "CREATE_FAILED"}:
            self._cloudformation.delete_stack(StackName=stack)
            self._cloudformation.get_waiter("stack_delete_complete").wait(
                StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
            )

    def _wait(self, stack: str) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            described = self._describe(stack) or {}
            status = described.get("StackStatus", "")
            if status in _COMPLETE:
                return
            if not status.endswith("IN_PROGRESS"):
                raise SetupError(
                    f"stack {stack} ended {status}: {described.get('StackStatusReason', 'no reason given')}"
                )
            time.sleep(0.1)
        raise SetupError(f"stack {stack} took longer than {_PATIENCE_SECONDS:.0f} s")

    def _describe(self, stack: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        except ClientError:
            return None
        return None if found["StackStatus"] == "DELETE_COMPLETE" else found


def _zipped(folder: Path) -> bytes:
    """A zip archive of a folder that is the same each time it is made."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(str(path.relative_to(folder)), date_time=(1980, 1, 1, 0, 0, 0))
                entry.external_attr = 0o644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    return memory.getvalue()
