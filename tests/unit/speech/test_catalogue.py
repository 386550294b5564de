"""The catalogue promises what the registries can open, no more and no less; docs/providers.md says the same."""

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import pytest

from media.speech import registry
from sovereign.catalog import registry as catalogue
from sovereign.completion import registry as completions
from sovereign.transcription import registry as transcriptions

ROOT = Path(__file__).parents[3]
OPENED: Mapping[catalogue.Section, set[str]] = {
    "llm": {*registry._CHAT_MODELS, *registry._SPEECH_MODELS},
    "stt": set(registry._RECOGNISERS),
    "tts": set(registry._SYNTHESISERS),
    "postcall_stt": set(transcriptions._OPENERS),
    "postcall_llm": set(completions._OPENERS),
}
MODULES = sorted({module for openers in registry._ADAPTERS.values() for module in openers.values()})


@pytest.mark.parametrize("section", sorted(OPENED))
def test_adapted_providers_are_those_a_registry_opens(section: catalogue.Section) -> None:
    assert {entry.name for entry in catalogue.providers(section) if entry.adapted} == OPENED[section]


@pytest.mark.parametrize("module", MODULES)
def test_registered_module_opens_an_adapter(module: str) -> None:
    assert callable(import_module(module).open_adapter)


def _rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading of docs/providers.md, without its head."""
    text = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8")
    section = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_documented_adapters_are_the_adapted_ones_at_their_locked_versions() -> None:
    rows = _rows("With an adapter")
    entries = [entry for section in OPENED for entry in catalogue.providers(section) if entry.adapted]
    members = {"llm": "llm_config", "stt": "stt_config", "tts": "tts_config"}
    shown = {(f"`{entry.name}`", f"`{members.get(entry.section, entry.section)}`") for entry in entries}
    assert {(row[0], row[1]) for row in rows} == shown
    locked = (ROOT / "requirements" / "media.txt").read_text(encoding="utf-8")
    for package, version in {found for row in rows for found in re.findall(r"`([\w-]+)` (\d[\d.]*)", row[3])}:
        assert f"\n{package}=={version} " in locked


def test_documented_adapters_name_their_source() -> None:
    for row in _rows("With an adapter"):
        assert row[5] == "[local models](local-models.md)" if row[0] == "`local`" else row[5].startswith("<https://")


@pytest.mark.parametrize("section", ["stt", "llm", "tts", "postcall_stt", "postcall_llm"])
def test_documented_gaps_are_the_providers_without_an_adapter(section: catalogue.Section) -> None:
    order = ["stt", "llm", "tts", "postcall_stt", "postcall_llm"]
    named = set(re.findall(r"`([\w-]+)`", _rows("Not offered yet")[order.index(section)][1]))
    missing = {entry.name for entry in catalogue.providers(section) if not entry.adapted}
    assert named == missing
