"""Resolves the dependency groups of pyproject.toml and the other inputs into `requirements/*.txt`, with hashes."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OLDEST_PYTHON = "3.11"
GROUPS = ("lambda", "media", "dev")


def main() -> int:
    """Returns the exit status of the first resolution that failed, 0 when none did."""
    jobs = [(f"requirements/{group}.txt", ["--group", group]) for group in GROUPS]
    jobs += [(f"requirements/{path.stem}.txt", [f"requirements/{path.name}"]) for path in _inputs()]
    for output, source in jobs:
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
        # no header and no index: a lock names packages and their hashes, not where this machine got them
        command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
        command += ["--python-version", OLDEST_PYTHON, "--upgrade", *source, "--output-file", output]
        result = subprocess.run(command, cwd=ROOT, check=False)
        if result.returncode:
            return result.returncode
        sys.stdout.write(f"{output}\n")
    return 0


def _inputs() -> list[Path]:
    return sorted((ROOT / "requirements").glob("*.in"))


if __name__ == "__main__":
    sys.exit(main())
