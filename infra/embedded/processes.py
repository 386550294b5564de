"""The platform's processes, recorded so that a later command can end exactly these."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.embedded.progress import SetupError

_KILL_AFTER_SECONDS = 10.0


@dataclass(frozen=True)
class Recorded:
    """A process of ours. `born` tells it from a later one that was given the same number."""

    name: str
    pid: int
    born: str


class Processes:
    """Starts, finds and stops processes by a record on disk (`processes.json`), newest last."""

    def __init__(self, home: Path, logs: Path) -> None:
        self._file = home / "processes.json"
        self._logs = logs
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def running(self) -> list[Recorded]:
        """Recorded processes of which something is still alive: they themselves, or what they started."""
        return [entry for entry in self._recorded() if entry.born and (_is_leading(entry) or _members(entry))]

    def _recorded(self) -> list[Recorded]:
        try:
            return [Recorded(**entry) for entry in json.loads(self._file.read_text(encoding="utf-8"))]
        except (OSError, ValueError, TypeError):
            return []  # none yet, or the file is damaged: then a port in use says what is left running

    def start(self, name: str, command: Sequence[str], *, environment: Mapping[str, str], folder: Path) -> Recorded:
        """Start a process of its own session, its output in `logs/<name>.log`, and record it."""
        self._logs.mkdir(parents=True, exist_ok=True)
        with (self._logs / f"{name}.log").open("ab") as log:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=folder,
                start_new_session=True,
            )
        self._children[child.pid] = child
        entry = Recorded(name, child.pid, _born(child.pid))
        self._write([*self.running(), entry])
        return entry

    def is_alive(self, entry: Recorded) -> bool:
        """Whether the process still runs; one of our own children that ended is collected."""
        child = self._children.get(entry.pid)
        if child is not None and child.poll() is not None:
            return False
        return _is_leading(entry)

    def require_alive(self, entry: Recorded) -> None:
        """Raise SetupError with the last line it wrote when a process has ended."""
        if not self.is_alive(entry):
            raise SetupError(f"{entry.name} stopped: {self.last_words(entry.name)} (all of it: {self.log(entry.name)})")

    def log(self, name: str) -> Path:
        """Where a process writes."""
        return self._logs / f"{name}.log"

    def last_words(self, name: str) -> str:
        """The last line of a process's log."""
        log = self.log(name)
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
        return lines[-1][:300] if lines else "it wrote nothing"

    def stop(self, names: Sequence[str] = (), *, patience: Mapping[str, float] | None = None) -> list[str]:
        """Stop the newest first (or only the named ones), each politely, then by force; returns the names stopped."""
        stopped = []
        for entry in reversed(self.running()):
            if not names or entry.name in names:
                self._end(entry, (patience or {}).get(entry.name, _KILL_AFTER_SECONDS))
                stopped.append(entry.name)
        self._write(self.running())
        return stopped

    def _end(self, entry: Recorded, patience: float) -> None:
        for number, wait in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
            try:
                # the whole session: a function's worker must not outlive its emulator
                os.killpg(entry.pid, number)
            except ProcessLookupError:
                return
            deadline = time.monotonic() + wait
            while time.monotonic() < deadline:
                if not self.is_alive(entry) and not _members(entry):
                    break
                time.sleep(0.05)
            else:
                continue
            return

    def _write(self, entries: Sequence[Recorded]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        scratch = self._file.with_suffix(".tmp")
        scratch.write_text(json.dumps([asdict(entry) for entry in entries]), encoding="utf-8")
        scratch.replace(self._file)


def _is_leading(entry: Recorded) -> bool:
    return _born(entry.pid) == entry.born


def _members(entry: Recorded) -> list[int]:
    """Who is left of the session a process of ours began, when it ended without them (it was killed, say). The number
    of a session is not given to anybody else while one of its members lives."""
    if not entry.born.isdecimal() or _born(entry.pid) not in {"", entry.born}:
        return []
    return [pid for pid in _pids() if _session(pid) == entry.pid and int(_born(pid) or -1) >= int(entry.born)]


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1


def _born(pid: int) -> str:
    """When a process started and what it is, as the system tells it; empty when it does not run (or is a zombie)."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        try:
            fields = stat.read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            return ""
        # a killed process of several threads is a zombie by its first while the others still hold its ports
        is_gone = fields[0] == "Z" and int(fields[17]) <= 1  # fields 3 and 20 of proc(5): state, number of threads
        return "" if is_gone else fields[19]  # field 22: start time in clock ticks
    told = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return told.stdout.strip()
