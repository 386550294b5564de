"""Clients of the emulator's endpoint, for what only the embedded runtime does: deploying and looking inside."""

from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config

from infra.stage import EMBEDDED_REGION

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
"""What the emulator takes for its only account."""


def aws_environment(endpoint: str) -> dict[str, str]:
    """The variables that point every AWS client of a process at the emulator and at nothing else."""
    return {
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": EMBEDDED_REGION,
        "AWS_DEFAULT_REGION": EMBEDDED_REGION,
        # nobody's profile or instance role is asked
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_XRAY_SDK_ENABLED": "false",
        "POWERTOOLS_TRACE_DISABLED": "true",
    }


def without_aws(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without the caller's own AWS settings."""
    return {name: value for name, value in environment.items() if not name.startswith("AWS_")}


def cloud_client(service: str, endpoint: str) -> Any:
    """A client of the emulator. Typed loosely: the embedded runtime uses a call or two of each of many services."""
    return boto3.session.Session().client(  # type: ignore[call-overload]  # a name of any service
        service,
        endpoint_url=endpoint,
        region_name=EMBEDDED_REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"mode": "standard", "total_max_attempts": 3}, s3={"addressing_style": "path"}),
    )
