"""The adapters against stand-ins that speak the vendors' wire protocols on loopback sockets."""

import os
from pathlib import Path

import pytest

from media.speech.interfaces import ChatMessage
from media.speech.local.models import LocalModels, local_models

CACHE = Path(os.environ.get("MODEL_CACHE", Path(__file__).parents[3] / ".sovereign" / "models"))


@pytest.fixture(scope="session")
def models() -> LocalModels:
    """The real local models; a machine without them skips, where everything is required it fails."""
    if not (CACHE / "MANIFEST.json").is_file():
        reason = f"no speech models in {CACHE}; run `python -m infra.embedded.models {CACHE}`"
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return local_models(CACHE)


@pytest.fixture
def question() -> list[ChatMessage]:
    return [ChatMessage("system", "You are helpful."), ChatMessage("user", "What are your hours?")]
