"""The synthesised template, made once per content of what it is made from."""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

from infra.assets import digest_of, files_below
from infra.embedded.progress import SetupError
from infra.paths import FUNCTIONS, LAMBDA_REQUIREMENTS, REPOSITORY, SHARED_LAYER, STATE

_APP = ("app.py", "assets.py", "paths.py", "platform.py", "resources.py", "stage.py")


def assembly_inputs() -> list[Path]:
    """Every file the embedded stage's template and assets come from."""
    infra = REPOSITORY / "infra"
    files = [infra / name for name in _APP]
    for folder in (infra / "stacks", infra / "constructs", infra / "workflows", FUNCTIONS, SHARED_LAYER / "python"):
        files += files_below(folder)
    return [*files, LAMBDA_REQUIREMENTS, REPOSITORY / "cdk.json"]


def assembly_digest() -> str:
    """Names the assembly: equal inputs on the same interpreter give the same one."""
    inputs = assembly_inputs()
    return digest_of(inputs, sys.version, *(str(path.relative_to(REPOSITORY)) for path in inputs))


def synthesize(stage: str = "embedded") -> Path:
    """The folder of a stage's assembly (`cdk.out` of another name), made once for every platform of this checkout.

    Raises SetupError with CDK's words.
    """
    folder = STATE / "assembly" / f"{stage}-{assembly_digest()}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{stage}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs make it once
        if not (folder / "manifest.json").exists():
            _run(folder, stage)
            _drop_others(folder, stage)
    return folder


def _run(folder: Path, stage: str) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "infra.embedded.synthesis", str(folder), stage]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    if result.returncode:
        # jsii prints a banner about node's age before anything else; the error is what comes last
        raise SetupError(f"the template could not be synthesised: {result.stderr.strip().splitlines()[-1][:400]}")


def _drop_others(folder: Path, stage: str) -> None:
    """Keep the last three assemblies of a stage: each holds copies of every layer."""
    made = (entry for entry in folder.parent.glob(f"{stage}-*") if entry != folder)
    others = sorted(made, key=lambda entry: entry.stat().st_mtime)
    for old in others[:-2]:
        shutil.rmtree(old, ignore_errors=True)
