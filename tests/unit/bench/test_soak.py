"""How the long runs are chosen and reported."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench import soak


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two sections that pass and one that fails, reported to a folder of the test's own."""

    def failing(_given: soak.Given) -> soak.Figures:
        raise AssertionError("a call was lost")

    sections = {"first": lambda given: {"n": given.seed}, "failing": failing, "last": lambda _: {"n": 3}}
    monkeypatch.setattr(soak, "REPORTS", tmp_path / "soak")
    monkeypatch.setattr(soak, "SECTIONS", sections)
    monkeypatch.setattr(soak, "LEFT_OUT_WHEN_QUICK", frozenset({"last"}))
    return tmp_path / "soak"


def runs_in(reports: Path) -> dict[str, Any]:
    [file] = reports.iterdir()
    runs: dict[str, Any] = json.loads(file.read_text())["runs"]
    return runs


def test_section_that_fails_loses_no_other_and_is_told(reports: Path) -> None:
    assert soak.main(["--seed", "7"]) == 1
    runs = runs_in(reports)
    assert {name: run["passed"] for name, run in runs.items()} == {"first": True, "failing": False, "last": True}
    assert runs["failing"]["failure"] == "AssertionError: a call was lost"
    assert (runs["first"]["n"], runs["first"]["seed"]) == (7, 7)


def test_named_section_joins_the_report_and_a_whole_run_begins_it_anew(reports: Path) -> None:
    assert soak.main(["last"]) == 0
    assert soak.main(["first"]) == 0
    assert [*runs_in(reports)] == ["last", "first"]
    assert soak.main(["--quick"]) == 1
    assert [*runs_in(reports)] == ["first", "failing"]


@pytest.mark.parametrize("arguments", [["other"], ["--seed", "x"], ["--campaigns", "0"], ["first", "other"]])
def test_arguments_that_make_no_sense_are_refused_and_nothing_runs(reports: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        soak.main(arguments)
    assert refused.value.code == 2
    assert not reports.exists()
