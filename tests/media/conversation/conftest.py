"""The prepared models: tests that need them are skipped where they are not, and fail where everything is required."""

import os
from pathlib import Path

import pytest

_CANDIDATES = (os.environ.get("MODEL_CACHE"), ".sovereign/models")


@pytest.fixture(scope="session")
def model_cache() -> Path:
    for candidate in filter(None, _CANDIDATES):
        if (Path(candidate) / "silero_vad.onnx").is_file():
            return Path(candidate)
    reason = "no models: run `python -m infra.embedded.models <cache>` and set MODEL_CACHE"
    if os.environ.get("REQUIRE_ALL"):
        pytest.fail(reason)
    pytest.skip(reason)
