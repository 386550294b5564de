"""Stopping a platform's processes: nothing of a session is left behind, whoever of it was killed before."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.embedded.processes import Processes, Recorded

LEADER = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {child!r}])
open("child", "w").write(str(child.pid))
time.sleep(60)
"""
OBEDIENT = "import time; time.sleep(60)"
SLOW = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.7), exit(0))); time.sleep(60)"


def started(processes: Processes, home: Path, child: str) -> tuple[Recorded, int]:
    entry = processes.start("media", [sys.executable, "-c", LEADER.format(child=child)], environment={}, folder=home)
    deadline = time.monotonic() + 20
    while not ((home / "child").exists() and (home / "child").read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return entry, int((home / "child").read_text())


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    made = Processes(tmp_path, tmp_path / "logs")
    yield made
    made.stop()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system has no /proc to find a session in")
def test_children_of_a_killed_process_are_found_and_stopped(processes: Processes, tmp_path: Path) -> None:
    entry, child = started(processes, tmp_path, OBEDIENT)
    os.kill(entry.pid, signal.SIGKILL)
    while processes.is_alive(entry):
        time.sleep(0.02)
    assert processes.running() == [entry]
    assert processes.stop() == ["media"]
    assert not lives(child)
    assert processes.running() == []


def test_stop_waits_for_the_children_of_what_it_stops(processes: Processes, tmp_path: Path) -> None:
    _, child = started(processes, tmp_path, SLOW)
    time.sleep(0.3)  # for the child's handler
    processes.stop()
    assert not lives(child)


def test_a_process_that_was_given_the_number_of_an_old_one_is_left_alone(processes: Processes, tmp_path: Path) -> None:
    entry, child = started(processes, tmp_path, OBEDIENT)
    other = Processes(tmp_path / "other", tmp_path / "logs")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "processes.json").write_text(
        f'[{{"name": "media", "pid": {entry.pid}, "born": "{int(entry.born) - 1}"}}]'
    )
    assert other.running() == []
    assert other.stop() == []
    assert lives(child)


@pytest.mark.parametrize("content", ["", "{", "[1]", '[{"name": "x"}]', "null"])
def test_a_damaged_record_is_no_record(processes: Processes, tmp_path: Path, content: str) -> None:
    (tmp_path / "processes.json").write_text(content)
    assert processes.running() == []
    assert processes.stop() == []
