"""One unpacked copy of each layer for all workers.

The emulator unpacks every layer anew for each worker process: tens of megabytes and no compiled modules, on every cold
start. Here an archive is unpacked once, by content and beside the saved state, and workers get a link to it.
"""

import hashlib
import shutil
import threading
import types
import zipfile
from pathlib import Path

from ministack.core import lambda_runtime, persistence

_SHARED_FROM_BYTES = 50_000
"""Smaller archives are a function's own code, of which every worker keeps its copy."""
_lock = threading.Lock()


class _SharedZip(zipfile.ZipFile):
    """Unpacks large archives into a cache and leaves a link."""

    def _is_shared(self) -> bool:
        return Path(str(self.filename)).stat().st_size >= _SHARED_FROM_BYTES

    def namelist(self) -> list[str]:
        """Nothing to check for links out of the folder: `extractall` below does that itself, once."""
        return [] if self._is_shared() else super().namelist()

    def extractall(self, path: object = None, _members: object = None, _pwd: bytes | None = None) -> None:
        if not self._is_shared():
            super().extractall(str(path))
            return
        digest = hashlib.sha256(Path(str(self.filename)).read_bytes()).hexdigest()[:24]
        place = Path(persistence.STATE_DIR).parent / "unpacked-layers" / digest
        with _lock:
            if not place.is_dir():
                scratch = place.with_suffix(".part")
                shutil.rmtree(scratch, ignore_errors=True)
                super().extractall(str(scratch), members=super().namelist())
                scratch.rename(place)
        Path(str(path)).rmdir()
        Path(str(path)).symlink_to(place)


def apply() -> None:
    """Give the module that starts workers our reader of archives; the rest of the emulator keeps its own."""
    shared = types.ModuleType("zipfile")
    shared.__dict__.update(zipfile.__dict__)
    shared.__dict__["ZipFile"] = _SharedZip
    shared.__dict__["LargeFileError"] = zipfile.LargeZipFile  # the name the emulator looks for
    lambda_runtime.zipfile = shared
