"""Organizations made with the operator's command, each with a key that has no rate limit."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from infra.embedded.cloud import aws_environment, cloud_client, without_aws
from infra.embedded.local_file import LocalPlatform
from infra.paths import REPOSITORY, SHARED_LAYER
from tests.contract.client import Api


@dataclass(frozen=True)
class Organization:
    """An organization and its two keys."""

    id: str
    api_url: str
    limited_key: str
    key: str

    def client(self) -> Api:
        """Its view of the platform, without a rate limit."""
        return Api(self.api_url, key=self.key)


class Organizations:
    """The operator's part of a platform."""

    def __init__(self, platform: LocalPlatform) -> None:
        self._platform = platform
        functions = cloud_client("lambda", platform.aws_endpoint_url)
        given = functions.get_function_configuration(FunctionName="sovereign-embedded-organizations")
        self.environment: dict[str, str] = (
            without_aws(os.environ)
            | aws_environment(platform.aws_endpoint_url)
            | given["Environment"]["Variables"]
            | {"PYTHONPATH": str(SHARED_LAYER / "python")}
        )

    def create(self, name: str, billing_mode: str = "unlimited") -> Organization:
        """A new top-level organization."""
        arguments = ["--name", name, "--billing-mode", billing_mode, "--unlimited-rate-key"]
        made = self.operate("admin", "create-organization", *arguments)
        return Organization(made["org_id"], self._platform.api_url, made["api_key"], made["load_api_key"])

    def operate(self, *arguments: str) -> Any:
        """Run `sovereign`; what it printed."""
        command = [sys.executable, "-m", "sovereign.cli", *arguments]
        ran = subprocess.run(
            command, capture_output=True, text=True, check=False, env=self.environment, cwd=REPOSITORY, timeout=60
        )
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    @property
    def table_name(self) -> str:
        """The stage's table."""
        return self.environment["TABLE_NAME"]

    @property
    def endpoint(self) -> str:
        """The AWS endpoint."""
        return self._platform.aws_endpoint_url
