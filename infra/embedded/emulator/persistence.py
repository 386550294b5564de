"""State on disk while the emulator runs; on its own it writes only when it is stopped cleanly.

Rows of the table go to a journal as they change: whole images, so that replaying one twice does no harm. Everything
else is saved in snapshots: what changes with every call each few seconds, the rest each minute and after a deploy.
"""

import json
import logging
import signal
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from ministack import app
from ministack.core import persistence as storage
from ministack.services import dynamodb, lambda_svc

_QUICK = frozenset({"sqs", "scheduler", "secretsmanager", "kms", "stepfunctions", "s3", "ssm"})
"""Small, and changed by ordinary work."""
_QUICK_SECONDS = 3.0
_FULL_EVERY = 20
"""A full snapshot instead of each so many quick ones: once a minute."""


class Journal:
    """Changed rows since the last snapshot of the tables, one JSON line each, in numbered files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._file: IO[str] | None = None
        self._number = max([0, *(int(path.stem) for path in self.files())])

    def files(self) -> list[Path]:
        """Journal files, oldest first."""
        return sorted(self._folder.glob("*.journal"), key=lambda path: int(path.stem))

    def rotate(self) -> list[Path]:
        """Start a new file; returns the older ones, to be removed once a snapshot holds what they say."""
        with self._lock:
            older = self.files()
            if self._file:
                self._file.close()
            self._number += 1
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = (self._folder / f"{self._number}.journal").open("a", encoding="utf-8")
            return older

    def append(self, line: str) -> None:
        """Write one line through to the operating system: it outlives this process, though not the machine."""
        with self._lock:
            if self._file:
                self._file.write(line + "\n")
                self._file.flush()


def apply() -> None:
    """Journal the table's changes, replay them at the start, snapshot while running."""
    logging.getLogger("persistence").setLevel(logging.WARNING)  # one line a service each few seconds otherwise
    journal = Journal(Path(storage.STATE_DIR) / "journal")
    saver = Saver(journal)
    emit, load = dynamodb._emit_stream_event, app._load_persisted_state

    def emit_and_journal(
        table: str, event: str, old: dict[str, Any] | None, new: dict[str, Any] | None, *rest: Any, **options: Any
    ) -> None:
        journal.append(json.dumps([table, old, new]))
        emit(table, event, old, new, *rest, **options)

    def load_and_replay() -> None:
        load()
        for path in journal.files():
            _replay(path)
        _reset_stream_positions()
        journal.rotate()
        saver.start()

    dynamodb._emit_stream_event = emit_and_journal
    app._load_persisted_state = load_and_replay
    signal.signal(signal.SIGUSR1, lambda *_: saver.asked.set())


class Saver(threading.Thread):
    """Saves while the emulator runs; `asked` makes the next round come at once and whole."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(daemon=True, name="snapshots")
        self.asked = threading.Event()
        self._journal = journal

    def run(self) -> None:
        """Quick rounds, each twentieth a full one, for ever."""
        rounds = 0
        while True:
            now = self.asked.wait(_QUICK_SECONDS)
            self.asked.clear()
            rounds += 1
            services = app._build_persistence_save_dict()
            if now or rounds % _FULL_EVERY == 0:
                self._save_all(services)
            else:
                for name in _QUICK & services.keys():
                    _save(name, services[name])

    def _save_all(self, services: dict[str, Any]) -> None:
        """Journal files are dropped only when the snapshot that holds what they say is on disk."""
        older = self._journal.rotate()
        saved = [_save(name, get_state) for name, get_state in services.items()]
        if all(saved):
            for path in older:
                path.unlink(missing_ok=True)
        (Path(storage.STATE_DIR) / "saved").write_text(str(time.time()), encoding="utf-8")


def _replay(path: Path) -> None:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            try:
                table, old, new = json.loads(line)
            except json.JSONDecodeError:
                break  # the process was killed while writing its last line
            _put_back(dynamodb._tables.get(table), old, new)


def _put_back(table: dict[str, Any] | None, old: dict[str, Any] | None, new: dict[str, Any] | None) -> None:
    """Make one row what its last image says."""
    image = new or old
    if table is None or image is None:
        return
    partition = dynamodb._extract_key_val(image.get(table["pk_name"]))
    sort = dynamodb._extract_key_val(image.get(table["sk_name"])) if table["sk_name"] else "__no_sort__"
    if new is not None:
        table["items"].setdefault(partition, {})[sort] = new
    else:
        table["items"].get(partition, {}).pop(sort, None)


def _reset_stream_positions() -> None:
    """Positions in the stream are saved, its records are not: point the readers at the new, empty log's start."""
    positions = lambda_svc._dynamodb_stream_positions._data
    for key in list(positions):
        positions[key] = 0


def _save(name: str, get_state: Any) -> bool:
    """Save one service; a state that changed while it was copied is copied again."""
    for _ in range(5):
        try:
            state = get_state()
        except RuntimeError:  # "dictionary changed size during iteration"
            continue
        if state is not None:
            storage.save_state(name, state)
            path = Path(storage.STATE_DIR) / f"{name}.json"
            path.chmod(0o600)  # secrets and keys lie in it
        return True
    print(f"emulator: could not save {name} this time", file=sys.stderr)
    return False
