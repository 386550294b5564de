"""Lays out what is uploaded: one folder a function, and the layers. Everything is cached by content."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from infra.paths import FUNCTIONS, LAMBDA_REQUIREMENTS, SHARED_LAYER, STATE
from infra.stage import LambdaTarget

BUILD = STATE / "build"
_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc")
_PROVIDED_BY_LAMBDA = ("boto3==", "botocore==", "s3transfer==")
"""In every Python runtime of Lambda; a second botocore in a layer would be mixed with the runtime's boto3."""


class LayerBuildError(RuntimeError):
    """The dependencies layer could not be built; the message holds the installer's own words."""


def files_below(folder: Path) -> list[Path]:
    """Every source file below a folder in a fixed order, without interpreter caches."""
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return sorted(path for path in found if path.suffix != ".pyc")


def digest_of(paths: Iterable[Path], *words: str) -> str:
    """A short hash over the names and contents of files and some words: equal input, equal output anywhere."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    for word in words:
        digest.update(word.encode() + b"\0")
    return digest.hexdigest()[:16]


def function_folder(name: str) -> Path:
    """A folder of `functions/__init__.py` and `functions/<name>/**`, for the handler `functions.<name>.handler`."""
    source = FUNCTIONS / name
    if not (source / "handler.py").is_file():
        raise FileNotFoundError(f"functions/{name}/handler.py is missing, but infra/resources.py has a row for it")

    def fill(folder: Path) -> None:
        shutil.copytree(source, folder / "functions" / name, ignore=_IGNORED)
        shutil.copy(FUNCTIONS / "__init__.py", folder / "functions" / "__init__.py")

    relative = [str(path.relative_to(source)) for path in files_below(source)]
    return _built(f"function-{name}", digest_of(files_below(source), *relative), fill)


def shared_folder() -> Path:
    """The shared layer without interpreter caches."""

    def fill(folder: Path) -> None:
        shutil.copytree(SHARED_LAYER / "python", folder / "python", ignore=_IGNORED)

    files = files_below(SHARED_LAYER / "python")
    return _built("shared", digest_of(files, *(str(path.relative_to(SHARED_LAYER)) for path in files)), fill)


def dependencies_folder(target: LambdaTarget) -> Path:
    """The dependencies layer for an interpreter and processor, from the locked wheels. Raises LayerBuildError."""

    def fill(folder: Path) -> None:
        requirements = folder / "requirements.txt"
        requirements.write_text(_without_provided(LAMBDA_REQUIREMENTS.read_text()))
        _install(requirements, folder / "python", target)
        requirements.unlink()

    return _built("dependencies", digest_of([LAMBDA_REQUIREMENTS, Path(__file__)], repr(target)), fill)


def _without_provided(requirements: str) -> str:
    entries = requirements.replace("\\\n", "\0").splitlines()
    kept = [entry for entry in entries if not entry.startswith(_PROVIDED_BY_LAMBDA)]
    return "\n".join(kept).replace("\0", "\\\n") + "\n"


def _install(requirements: Path, folder: Path, target: LambdaTarget) -> None:
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--only-binary", ":all:", "--link-mode", "copy", "--target", str(folder), "-r", str(requirements)]
    if not target.native:
        processor = "aarch64" if target.architecture == "arm64" else "x86_64"
        # Amazon Linux 2023, which every current Python runtime stands on, has glibc 2.34
        command += ["--python-platform", f"{processor}-manylinux_2_34", "--python-version", target.python]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise LayerBuildError(f"the dependencies layer could not be built: {result.stderr.strip()[-600:]}")
    for cache in folder.rglob("__pycache__"):
        shutil.rmtree(cache)


def _built(name: str, digest: str, fill: Callable[[Path], None]) -> Path:
    """A folder with this content, made once: filled beside its place and moved there whole."""
    place = BUILD / f"{name}-{digest}"
    if place.is_dir():
        return place
    BUILD.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=BUILD))
    try:
        fill(scratch)
        scratch.chmod(0o755)
        scratch.rename(place)
    except OSError:
        if not place.is_dir():  # another process may have made the same folder meanwhile
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return place
