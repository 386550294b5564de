"""Makes the Python environment from the lock file: `python3 infra/tools/setup.py --uv <version> --venv <folder>`.

Needs only the standard library: it runs before anything is installed.
"""

import argparse
import hashlib
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "dev.txt"
IMPORT_PATHS = (ROOT, ROOT / "layers" / "shared" / "python", ROOT / "media_fargate")
OLDEST = (3, 11)


def main() -> int:
    """Returns the exit status; every failure is one line saying what to do."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--uv", required=True, help="version of uv to install with")
    parser.add_argument("--venv", required=True, type=Path)
    given = parser.parse_args()
    if sys.version_info < OLDEST:
        return _fail(f"Python {sys.version_info.major}.{sys.version_info.minor} is too old: 3.11 or newer is needed")
    marker = given.venv / ".content"
    content = hashlib.sha256(LOCK.read_bytes() + given.uv.encode() + sys.version.encode()).hexdigest()
    python = given.venv / "bin" / "python"
    current = marker.exists() and marker.read_text(encoding="utf-8") == content and python.exists()
    if not current and (problem := _install(given.venv, python, given.uv)):
        return _fail(problem)
    _write_paths(given.venv)
    marker.write_text(content, encoding="utf-8")
    return 0


def _install(folder: Path, python: Path, uv: str) -> str | None:
    """Install everything; returns what went wrong, None when nothing did."""
    sys.stdout.write("setting up the Python environment (once per change of the lock file)\n")
    sys.stdout.flush()
    try:
        venv.create(folder, with_pip=True, symlinks=True)
    except subprocess.CalledProcessError:
        return "the virtual environment could not be made: on Debian, install python3-venv"
    except OSError as failure:
        return f"the virtual environment could not be made in {folder}: {failure.strerror}"
    steps = (
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"uv=={uv}"],
        [
            str(python),
            "-m",
            "uv",
            "pip",
            "install",
            "--quiet",
            "--python",
            str(python),
            "--require-hashes",
            "-r",
            str(LOCK),
        ],
    )
    for step in steps:
        result = subprocess.run(step, capture_output=True, text=True, check=False)
        if result.returncode:
            last = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
            return f"packages could not be installed ({last[:200]}): check the network and run again"
    return None


def _write_paths(folder: Path) -> None:
    """The repository's own packages are found where they lie."""
    site = next((folder / "lib").glob("python*/site-packages"))
    (site / "sovereign_paths.pth").write_text("".join(f"{path}\n" for path in IMPORT_PATHS), encoding="utf-8")


def _fail(text: str) -> int:
    sys.stderr.write(f"sovereign: {text}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
