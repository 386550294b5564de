"""`.sovereign/local.json`: the addresses and keys of the running platform, readable by its owner only."""

import json
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError


class LocalPlatform(BaseModel):
    """What a person, a test or a benchmark needs to use the platform. `webhook_secret` signs what the sink gets."""

    model_config = ConfigDict(frozen=True)

    api_url: str
    api_key: str
    load_api_key: str
    sip_uri: str
    webhook_sink_url: str
    webhook_secret: str
    organization_id: str
    assistant_id: str
    trunk_id: str
    number_id: str
    aws_endpoint_url: str


def read_local(path: Path) -> LocalPlatform | None:
    """What was written last, None when nothing was (or it is not readable as such)."""
    try:
        return LocalPlatform.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None


def write_local(path: Path, content: LocalPlatform | dict[str, str]) -> None:
    """Replace the file whole, mode 0600."""
    values = content.model_dump() if isinstance(content, LocalPlatform) else content
    scratch = path.with_suffix(".tmp")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(values, file, indent=2)
        file.write("\n")
    scratch.replace(path)
