"""schemathesis, with all its checks, over the served contract against the running platform."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from infra.embedded.local_file import LocalPlatform
from tests.contract.organizations import Organizations

HERE = Path(__file__).parent
SEED = 20261123
UNIONS = "^/(assistants|agents|workflows|calls)"
"""Operations whose bodies choose among all providers: their exhaustive coverage would take hours."""


@pytest.fixture(scope="module")
def key(embedded_platform: LocalPlatform) -> str:
    """Of an organization made for this: nothing that is deleted is missed by another test. It has no rate limit."""
    return Organizations(embedded_platform).create("Conformance").key


def schemathesis(platform: LocalPlatform, key: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end; what it keeps of failures for a next run goes with the folder."""
    command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(HERE / "schemathesis.toml")]
    command += ["run", f"{platform.api_url}/openapi.json", "--url", platform.api_url, "--seed", str(SEED), "--no-color"]
    environment = os.environ | {
        "SOVEREIGN_API_KEY": key,
        "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
        "PYTHONPATH": str(HERE),
    }
    return subprocess.run(
        [*command, *arguments], check=False, env=environment, cwd=folder, capture_output=True, text=True, timeout=400
    )


def test_the_served_document_is_the_committed_one(embedded_platform: LocalPlatform) -> None:
    answer = httpx.get(f"{embedded_platform.api_url}/openapi.json")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.text == (HERE.parents[1] / "docs" / "openapi.json").read_text()


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("--phases", "examples,coverage", "--exclude-path-regex", UNIONS), id="coverage"),
        pytest.param(("--phases", "examples,fuzzing", "--max-examples", "8", "--max-time", "45"), id="fuzzing"),
        pytest.param(("--phases", "stateful", "--max-examples", "25", "--max-time", "45"), id="stateful"),
    ],
)
def test_the_platform_keeps_its_contract(
    embedded_platform: LocalPlatform, key: str, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    finished = schemathesis(embedded_platform, key, tmp_path, *arguments)

    assert finished.returncode == 0, finished.stdout[-20_000:] + finished.stderr[-2_000:]
    assert "Test cases:" in finished.stdout
